import {existsSync} from 'node:fs'
import {InvalidArgumentError} from 'commander'

/** Parses a positive number of seconds. */
export function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('It must be a number of seconds greater than 0, e.g. 150.')
  }
  return value
}

/** Parses a TCP port. */
export function portNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError('It must be a port from 1 to 65535.')
  }
  return value
}

const mostRepetitions = 1000

/** Parses how often something is to be done. */
export function repetitions(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > mostRepetitions) {
    throw new InvalidArgumentError(`It must be a number from 1 to ${mostRepetitions}.`)
  }
  return value
}

/** A number is a port; a path has a slash, or is there. */
export function portOrPath(text: string): {port: number} | {path: string} {
  if (/^\d+$/.test(text)) return {port: portNumber(text)}
  if (text.includes('/') || existsSync(text)) return {path: text}
  throw new InvalidArgumentError(
    'It must be a port from 1 to 65535, or the path of a Unix socket, e.g. ./app.sock.',
  )
}

/** Parses a whole number from 1 on. */
export function countFrom1(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('It must be a whole number from 1 on.')
  }
  return value
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
