import {basename} from 'node:path'
import type {KnownPort} from '../why/refusal.ts'

/** An option, or a variable, whose value is a port: `--port`, `-Dserver.port`, `--httpPort`, `HTTP_PORT`, `-p`. */
const namesPort = /(?:^|[-._])(?:port|PORT|listen|bind)$|[a-z]Port$|^-[plP]$/
/** `127.0.0.1:8080`, `:8080`, `[::1]:8080`, alone, as a value, or in a URL. */
const inAddress =
  /(?:^|[=/])(?:localhost|\*|(?:\d{1,3}\.){3}\d{1,3}|\[[\da-f:.]*\])?:(\d{1,5})(?:\/\S*)?$/i
/** Programs whose first number is a time. */
const timed: readonly string[] = ['timeout', 'sleep']
const firstPlainPort = 1024

type Source = Required<KnownPort>['portFrom']

/**
 * The port that a command most likely listens on, for a message that does not name it: the one of PORT, or else the only
 * one that its words say is a port, or else the only number among them that may be one.
 * @returns null if there is none, or more than one
 */
export function portIn(command: readonly string[], env = process.env): KnownPort | null {
  if (env.PORT !== undefined) return only([env.PORT], 'variable')
  const words = command.slice(1).map((word, index) => {
    const before = command[index] ?? ''
    const [, name = before, value = word] = /^([^=]+)=(.*)$/.exec(word) ?? []
    return {word, name, value, before}
  })
  const said = words.flatMap(({word, name, value}) =>
    namesPort.test(name) && /^\d+$/.test(value) ? value : (inAddress.exec(word)?.[1] ?? []),
  )
  if (said.length > 0) return only(said, 'command')
  const plain = words.flatMap(({word, before}) => {
    const isOther = before.startsWith('-') || timed.includes(basename(before))
    return /^\d{4,5}$/.test(word) && Number(word) >= firstPlainPort && !isOther ? word : []
  })
  return only(plain, 'command')
}

function only(texts: readonly string[], portFrom: Source): KnownPort | null {
  const isPort = (port: number) => Number.isInteger(port) && port > 0 && port <= 65_535
  const [port, ...others] = new Set(texts.map(Number).filter(isPort))
  return port === undefined || others.length > 0 ? null : {port, portFrom}
}
