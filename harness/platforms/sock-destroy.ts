import {socketAddress} from '../sockets/address.ts'
import {sockaddr} from '../sockets/constants.ts'
import {libc} from '../sockets/libc.ts'
import {inNamespace} from '../sockets/network-namespace.ts'
import {systemError} from '../sockets/system-error.ts'
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  headerBytes,
  IPPROTO_TCP,
  i32,
  NETLINK_SOCK_DIAG,
  NLM_F_REQUEST,
  putU16,
  putU32,
  requestBytes,
  SOCK_RAW,
} from './sock-diag.ts'
import type {SocketEntry} from './socket-table.ts'

/** include/uapi/linux/sock_diag.h and netlink.h. */
const SOCK_DESTROY = 21
const NLM_F_ACK = 0x4
/** INET_DIAG_NOCOOKIE: whichever socket has these ends. */
const noCookie = 0xffffffff
const allStates = 0xffffffff

/** Which socket: whatever has these ends, or the one of this cookie alone. */
type Target = Pick<SocketEntry, 'local' | 'remote' | 'cookie'>

/**
 * Ends a socket, whoever has it, as `ss -K` does. It takes CAP_NET_ADMIN over the network namespace.
 * @returns 0, or the kernel's error number, positive: EOPNOTSUPP for what this kernel cannot destroy
 * @throws SystemError of `socket`, `send` or `recv`
 */
export function destroySocket(entry: Target): number {
  const c = libc()
  const kind = SOCK_RAW | c.constants.SOCK_CLOEXEC
  const fd = inNamespace(() => c.socket(AF_NETLINK, kind, NETLINK_SOCK_DIAG))
  if (fd < 0) throw systemError('socket', c.errno())
  try {
    const request = destroyRequest(entry)
    if (c.send(fd, request, request.length, 0) < 0) throw systemError('send', c.errno())
    const answer = Buffer.alloc(4096)
    if (c.recv(fd, answer, answer.length, 0) < 0) throw systemError('recv', c.errno())
    return -i32(answer, headerBytes)
  } finally {
    c.close(fd)
  }
}

/** struct nlmsghdr, inet_diag_req_v2 with its inet_diag_sockid. */
function destroyRequest({local, remote, cookie}: Target): Buffer {
  const {constants} = libc()
  const target = socketAddress(local.address)
  const isIpv4 = target.family === 'ipv4'
  const request = Buffer.alloc(headerBytes + requestBytes)
  putU32(request, request.length, 0)
  putU16(request, SOCK_DESTROY, 4)
  putU16(request, NLM_F_REQUEST | NLM_F_ACK, 6)
  request[headerBytes] = isIpv4 ? AF_INET : AF_INET6
  request[headerBytes + 1] = IPPROTO_TCP
  putU32(request, allStates, headerBytes + 4)
  const id = headerBytes + 8
  request.writeUInt16BE(local.port, id)
  request.writeUInt16BE(remote.port, id + 2)
  // Where struct sockaddr_in and sockaddr_in6 have the address.
  const [from, to] = isIpv4 ? [4, 8] : [8, 24]
  for (const [end, at] of [[local, id + 4] as const, [remote, id + 20] as const]) {
    sockaddr(constants, socketAddress(end.address), end.port).copy(request, at, from, to)
  }
  putU32(request, noCookie, id + 40)
  putU32(request, noCookie, id + 44)
  cookie?.copy(request, id + 40)
  return request
}
