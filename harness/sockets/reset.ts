import type {Socket} from 'node:net'

/**
 * Closes a connection at once, with RST where that can be. Once a FIN is under way libuv refuses to reset
 * (uv_tcp_close_reset answers EINVAL while the stream is shutting down), and Node, 20 at least, then loses the
 * handle: the socket stays open, and the process spins for ever when it would end.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
