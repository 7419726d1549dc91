import type {Address} from '../sockets/address.ts'
import {type BindOption, bindOptions} from '../sockets/bind-options.ts'
import {bindNative, closeNative} from '../sockets/native.ts'
import {isSystemError} from '../sockets/system-error.ts'

export interface BindTrial {
  address: Address
  bind: BindOption
  /** `granted`, or the code of the OS's error. */
  observed: string
}

/**
 * Tries a bind with each option on each address, for real. The socket never listens and is closed at
 * once, so that asking takes microseconds and leaves nothing behind.
 * @throws NativeOpenerUnavailable where sockets cannot be made with exactly these options
 */
export function tryBinds(port: number, addresses: readonly Address[]): BindTrial[] {
  return addresses.flatMap((address) =>
    bindOptions.map((bind) => ({address, bind, observed: tryBind(port, address, bind)})),
  )
}

/**
 * Why a bind without any option is not granted on all of the addresses; undefined if it is. It goes no
 * further than the first refusal, which is cheap, where a grant walks through all sockets of the port.
 */
export function plainBindRefusal(port: number, addresses: readonly Address[]): string | undefined {
  for (const address of addresses) {
    const observed = tryBind(port, address, 'none')
    if (observed !== 'granted') return observed
  }
  return undefined
}

function tryBind(port: number, address: Address, bind: BindOption): string {
  try {
    closeNative(bindNative({address, port, bind}))
    return 'granted'
  } catch (error) {
    if (!isSystemError(error)) throw error
    // Out of fds or memory is not an answer about the port.
    if (error.syscall !== 'bind' && error.code !== 'EAFNOSUPPORT') throw error
    return error.code
  }
}
