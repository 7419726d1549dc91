import {StringDecoder} from 'node:string_decoder'

const headBytes = 64 * 1024
const tailBytes = 8 * 1024

/**
 * Passes on the beginning and the end of what a program writes, and says how much it left out between:
 * a server under test may flood its output, write binary data, or a line without an end.
 */
export class BoundedOutput {
  #pass: (text: string) => void
  #decoder = new StringDecoder('utf8')
  #headLeft = headBytes
  /** A copy: a piece of a chunk would keep the whole chunk in memory, for as long as the server runs. */
  #tail: Buffer | undefined
  #tailLength = 0
  #restLength = 0

  constructor(pass: (text: string) => void) {
    this.#pass = pass
  }

  add(bytes: Buffer): void {
    const head = bytes.subarray(0, this.#headLeft)
    if (head.length > 0) {
      this.#headLeft -= head.length
      this.#pass(this.#decoder.write(head))
    }
    const rest = bytes.subarray(head.length)
    if (rest.length === 0) return
    this.#restLength += rest.length
    const kept = rest.subarray(-tailBytes)
    this.#tail ??= Buffer.allocUnsafeSlow(2 * tailBytes)
    if (this.#tailLength + kept.length > this.#tail.length) {
      this.#tail.copyWithin(0, this.#tailLength - tailBytes, this.#tailLength)
      this.#tailLength = tailBytes
    }
    this.#tailLength += kept.copy(this.#tail, this.#tailLength)
  }

  /** Passes on the end, once nothing more will come. */
  end(): void {
    const tail = this.#tail?.subarray(0, this.#tailLength).subarray(-tailBytes)
    if (tail !== undefined) {
      const leftOut = this.#restLength - tail.length
      if (leftOut > 0) this.#pass(`\n[${leftOut} bytes left out]\n`)
      this.#pass(this.#decoder.write(tail))
    }
    this.#pass(this.#decoder.end())
    this.#tail = undefined
    this.#tailLength = 0
    this.#restLength = 0
  }
}
