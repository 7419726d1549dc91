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
  #tail: Buffer[] = []
  #tailLength = 0
  #leftOut = 0

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
    const kept = rest.subarray(-tailBytes)
    this.#leftOut += rest.length - kept.length
    this.#tail.push(kept)
    this.#tailLength += kept.length
    while (this.#tailLength - (this.#tail[0]?.length ?? 0) >= tailBytes) {
      const length = this.#tail.shift()?.length ?? 0
      this.#tailLength -= length
      this.#leftOut += length
    }
  }

  /** Passes on the end, once nothing more will come. */
  end(): void {
    if (this.#leftOut > 0) this.#pass(`\n[${this.#leftOut} bytes left out]\n`)
    if (this.#tailLength > 0) this.#pass(this.#decoder.write(Buffer.concat(this.#tail)))
    this.#pass(this.#decoder.end())
  }
}
