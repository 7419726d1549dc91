import {readProcFile} from './proc-file.ts'

/** Segments that the TCP of a network namespace has sent since the namespace was made. */
export interface TcpCounters {
  retransmitted: number
  /** With RST set. */
  resets: number
}

/**
 * Reads the line pair `Tcp: NAME...` and `Tcp: VALUE...` of /proc/net/snmp (RFC 4022: tcpRetransSegs,
 * tcpOutRsts; net/ipv4/proc.c:snmp_seq_show_tcp_udp).
 * @param net the folder of our own namespace, or /proc/PID/net for that of another process
 */
export async function readTcpCounters(net = '/proc/net'): Promise<TcpCounters> {
  const lines = (await readProcFile(`${net}/snmp`)).split('\n')
  const [names = [], values = []] = lines
    .filter((line) => line.startsWith('Tcp:'))
    .map((line) => line.split(' '))
  const value = (name: string) => Number(values[names.indexOf(name)] ?? Number.NaN)
  return {retransmitted: value('RetransSegs'), resets: value('OutRsts')}
}
