import {existsSync} from 'node:fs'
import {isIP} from 'node:net'
import {tokenizeArgs} from 'args-tokenizer'
import {InvalidArgumentError} from 'commander'
import type {Address} from '../sockets/address.ts'
import {printable} from '../text.ts'

/** Node's timers keep milliseconds in 31 bits: a longer one is over at once. */
const mostSeconds = Math.floor((2 ** 31 - 1) / 1000)

/** Parses a positive number of seconds. */
export function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0 || value > mostSeconds) {
    throw new InvalidArgumentError(
      `It must be a number of seconds greater than 0, and at most ${mostSeconds}, e.g. 150.`,
    )
  }
  return value
}

/** Parses a duration: `200ms`, `1.5s`, or a number of seconds. */
export function duration(text: string): number {
  const [, digits = '', unit] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text) ?? []
  if (digits === '') {
    throw new InvalidArgumentError('It must be a duration, e.g. 200ms, 1s or 0.5.')
  }
  return unit === 'ms' ? Number(digits) / 1000 : Number(digits)
}

/** Splits a command line into its words, and adds it to those that were given before. Nothing else of a shell is there. */
export function commandWords(text: string, known: string[][] = []): string[][] {
  let words: string[]
  try {
    words = tokenizeArgs(text)
  } catch {
    throw new InvalidArgumentError('It has a quote without an end.')
  }
  if (words.length === 0)
    throw new InvalidArgumentError('It must be a command, e.g. "touch server.js".')
  return [...known, words]
}

/** Parses what a system is called in reports. */
export function systemLabel(text: string): string {
  const label = text.trim()
  if (label !== '' && label.length <= 60 && printable(label) === label) return label
  throw new InvalidArgumentError(
    'It must be a name of at most 60 characters, on one line, e.g. "gVisor 20240729".',
  )
}

/** Parses a TCP port. */
export function portNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError('It must be a port from 1 to 65535.')
  }
  return value
}

/** Adds a port to those that were given before. */
export function portNumbers(text: string, known: number[] = []): number[] {
  return [...known, portNumber(text)]
}

/** Parses a whole number from `least`, which is 1 by default, to `most`. */
export function countUpTo(most: number, least = 1): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`)
    }
    return value
  }
}

/** Parses where to listen: a port, which is one of the loopback address, or `ADDRESS:PORT`. */
export function listenAddress(text: string): {port: number; address: Address} {
  const [, given, port = ''] = /^(?:\[?([^\]]*)\]?:)?(\d+)$/.exec(text) ?? []
  const address = given ?? '127.0.0.1'
  if (port === '' || isIP(address) === 0) {
    throw new InvalidArgumentError(
      'It must be a port, or an IP address with one: 3000, 0.0.0.0:3000.',
    )
  }
  return {port: portNumber(port), address: address as Address}
}

/** Adds a word to those that were given before. */
export function repeatedly(word: string, known: string[] = []): string[] {
  return [...known, word]
}

/** A number is a port; a path has a slash, or is there; - is a message on stdin. */
export function portOrPath(text: string): {port: number} | {path: string} | {stdin: true} {
  if (text === '-') return {stdin: true}
  if (/^\d+$/.test(text)) return {port: portNumber(text)}
  if (text.includes('/') || existsSync(text)) return {path: text}
  throw new InvalidArgumentError(
    'It must be a port from 1 to 65535, or the path of a Unix socket, e.g. ./app.sock.',
  )
}

/** Adds a `NAME` or `NAME=FILE` to those that were given before. */
export function nameWithFile<Name extends string>(names: readonly Name[]) {
  return (text: string, known: {name: Name; file?: string}[] = []) => {
    const [, given, file] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? []
    const name = names.find((each) => each === given)
    if (name === undefined || file === '') {
      throw new InvalidArgumentError(
        `It must be NAME or NAME=FILE, with one of these names: ${names.join(', ')}.`,
      )
    }
    return [...known, file === undefined ? {name} : {name, file}]
  }
}

/** Adds a `NAME=value` to those that were given before. */
export function environmentVariable(
  text: string,
  known: Record<string, string>,
): Record<string, string> {
  const [, name, value] = /^([^=\0]+)=([^\0]*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be NAME=value, e.g. NODE_ENV=production.')
  }
  return {...known, [name]: value}
}
