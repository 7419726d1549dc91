import type {Stack} from '../platforms/platform.ts'

/** What usually has a port on some systems, where the sockets alone do not say it. */
interface Suspect {
  stack: Stack
  /** Of which ports; of all without it. */
  ports?: readonly number[]
  text: string
}

const suspects: readonly Suspect[] = [
  {
    stack: 'darwin',
    ports: [5000, 7000],
    text: 'On macOS 12 and later, AirPlay Receiver listens on ports 5000 and 7000 (process ControlCenter), and comes back if it is stopped. Turn it off (System Settings, General, AirDrop & Handoff, AirPlay Receiver), or use another port.',
  },
  {
    stack: 'windows',
    text: 'On Windows, a port that nothing listens on can be refused (EACCES, error 10013) because Hyper-V, WSL or Docker Desktop has reserved a range with it. "netsh interface ipv4 show excludedportrange protocol=tcp" lists the ranges. Use a port outside of them, or, as an administrator: net stop winnat, then netsh int ipv4 add excludedportrange protocol=tcp startport=PORT numberofports=1, then net start winnat. "netstat -ano -p tcp" shows which process listens.',
  },
]

/** What to suspect where a bind of the port is refused, or could not be tried. */
export function suspectsOf(stack: Stack, port: number): string[] {
  return suspects
    .filter((suspect) => suspect.stack === stack && (suspect.ports?.includes(port) ?? true))
    .map(({text}) => text.replaceAll('PORT', String(port)))
}
