import {createConnection, Socket} from 'node:net'
import type {BindOption} from './bind-options.ts'
import {bindNative} from './native.ts'
import {onNextTickInNamespace} from './network-namespace.ts'
import type {Opener} from './opener.ts'

/** A local port that a client binds before it connects. */
export interface LocalPort {
  opener: Opener
  bind: BindOption
  address: string
  port: number
}

export interface ConnectOptions {
  host: string
  port: number
  /** None: connect() chooses a port. */
  from?: LocalPort
}

/**
 * Starts to connect; the socket stays half-open when the other side closes. With the `node` opener the
 * local port is bound as `net.connect({localPort})` does it, which on Unix sets SO_REUSEADDR (libuv,
 * uv__tcp_bind); with the native one it has exactly the bind options asked for.
 * @throws SystemError of `bind` with the native opener; node's own comes as the socket's error.
 */
export function startConnecting({host, port, from}: ConnectOptions): Socket {
  if (from?.opener !== 'native') {
    const local = from === undefined ? {} : {localAddress: from.address, localPort: from.port}
    return onNextTickInNamespace(() =>
      createConnection({host, port, allowHalfOpen: true, ...local}),
    )
  }
  const socket = new Socket({
    fd: bindNative(from),
    readable: true,
    writable: true,
    allowHalfOpen: true,
    // Not to be read before it is connected. Node's own cluster code relies on this option.
    ...{manualStart: true},
  })
  return socket.connect({host, port})
}
