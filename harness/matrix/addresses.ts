import {type MatrixAddress, matrixAddresses} from '../documents/matrix-schema.ts'
import {clientHost} from '../sockets/address.ts'
import {bindNative, closeNative} from '../sockets/native.ts'
import {isOutOfFiles, isSystemError} from '../sockets/system-error.ts'

export interface AddressesHere {
  available: MatrixAddress[]
  leftOut: {address: MatrixAddress; reason: string}[]
}

/**
 * Which addresses this machine has, both for a server and for a client that connects to it: without IPv6
 * some cannot be bound or have no ::1 to connect to, and macOS has of 127.0.0.0/8 only 127.0.0.1 until an
 * alias is added.
 * @throws SystemError if this process is out of fds
 */
export function addressesHere(): AddressesHere {
  const here: AddressesHere = {available: [], leftOut: []}
  for (const address of matrixAddresses) {
    try {
      for (const needed of [address, clientHost(address)]) {
        // Port 0 is always free.
        closeNative(bindNative({address: needed, port: 0, bind: 'none'}))
      }
      here.available.push(address)
    } catch (error) {
      if (!isSystemError(error) || isOutOfFiles(error)) throw error
      here.leftOut.push({address, reason: error.message})
    }
  }
  return here
}
