import {endianness} from 'node:os'

/** The order of the bytes in the machine's own numbers. */
export type ByteOrder = 'LE' | 'BE'

/** Of the machine that this runs on. */
export const byteOrder: ByteOrder = endianness()

/** C ints one after the other, as system calls take them. */
export function cInts(values: readonly number[], order: ByteOrder = byteOrder): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) writeCInt(bytes, value, 4 * index, order)
  return bytes
}

export function writeCInt(bytes: Buffer, value: number, offset = 0, order = byteOrder): void {
  if (order === 'LE') bytes.writeInt32LE(value, offset)
  else bytes.writeInt32BE(value, offset)
}

export function writeCShort(bytes: Buffer, value: number, offset: number, order = byteOrder): void {
  if (order === 'LE') bytes.writeInt16LE(value, offset)
  else bytes.writeInt16BE(value, offset)
}

export function readCInt(bytes: Buffer, offset: number, order = byteOrder): number {
  return order === 'LE' ? bytes.readInt32LE(offset) : bytes.readInt32BE(offset)
}

export function readCShort(bytes: Buffer, offset: number, order = byteOrder): number {
  return order === 'LE' ? bytes.readInt16LE(offset) : bytes.readInt16BE(offset)
}
