import {readCShort, writeCShort} from './c-numbers.ts'
import {libc} from './libc.ts'
import {closeNative, makeSocket} from './native.ts'
import {systemError} from './system-error.ts'

/** Linux, include/uapi/linux/sockios.h and include/uapi/linux/if.h: struct ifreq, and its flags. */
const SIOCGIFFLAGS = 0x8913
const SIOCSIFFLAGS = 0x8914
const IFF_UP = 1
const ifreqBytes = 40
const flagsOffset = 16

/**
 * Brings the loopback interface of a new network namespace up, as `ip link set lo up` does; with it come
 * 127.0.0.1 and ::1. Linux only.
 * @throws SystemError of `ioctl`, e.g. EPERM; NativeOpenerUnavailable where there is no FFI
 */
export function bringLoopbackUp(): void {
  const c = libc()
  const fd = makeSocket({address: '127.0.0.1', bind: 'none'})
  try {
    const request = Buffer.alloc(ifreqBytes)
    request.write('lo')
    const call = (name: number) => {
      if (c.ioctl(fd, name, 'void *', request) < 0) throw systemError('ioctl', c.errno())
    }
    call(SIOCGIFFLAGS)
    writeCShort(request, readCShort(request, flagsOffset) | IFF_UP, flagsOffset)
    call(SIOCSIFFLAGS)
  } finally {
    closeNative(fd)
  }
}
