/** Servers to restart, as small programs in a temporary folder, and ports to run them on. */
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import pLimit from 'p-limit'
import {checkRestart} from '../../harness/check/check.ts'
import type {CheckListeners} from '../../harness/check/context.ts'
import type {CheckOptions} from '../../harness/check/options.ts'
import type {CheckDocument, CheckRound} from '../../harness/documents/check-schema.ts'
import {checkSchema} from '../../harness/documents/check-schema.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {openPortPool} from '../../harness/sockets/ports.ts'
import {findProgram} from '../../harness/survey/programs.ts'
import {temporaryFolder} from '../commands/cli.ts'
import {notInstalled} from '../needs.ts'

export const platform = detectPlatform()

/** Proven free, and nobody else's until the test is over. */
export async function freePort(t: ExecutionContext): Promise<number> {
  const pool = openPortPool({
    ephemeralPorts: platform.ephemeralPorts(await platform.readSettings()),
    native: nativeOpenerProblem() === undefined,
  })
  t.teardown(() => pool.close())
  return pool.take()
}

/** Writes a program and returns its path. */
export function program(t: ExecutionContext, name: string, text: string): string {
  const folder = temporaryFolder(t)
  mkdirSync(folder, {recursive: true})
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

/** A limit must be spent on the servers, not on waiting for a core. */
const atOnce = pLimit(4)

/** For restarts that are not granted within any time that a test could wait. */
export const shortWait = {limitSeconds: 3}

/** What Node may take to start before a limit has to be longer. */
const startSeconds = 0.3

/** A limit of so many seconds on a machine that keeps up: where starts take longer now, it is as many times longer. */
export async function limitHere(seconds: number): Promise<number> {
  const began = performance.now()
  await once(spawn(process.execPath, ['--eval', ''], {stdio: 'ignore'}), 'close')
  return seconds * Math.max(1, (performance.now() - began) / 1000 / startSeconds)
}

/** Checks, a few at a time; the result has been through the schema. */
export async function check(
  t: ExecutionContext,
  command: readonly string[],
  options: Partial<CheckOptions> = {},
  listeners: CheckListeners = {},
): Promise<CheckDocument> {
  const port = options.port ?? (await freePort(t))
  const {limitSeconds} = options
  return atOnce(async () => {
    const limit = limitSeconds === undefined ? 30 : await limitHere(limitSeconds)
    const given = {...options, limitSeconds: limit, command, port}
    return checkSchema.parse(await checkRestart(given, listeners))
  })
}

/** The only round of a check that could be measured. */
export function onlyRound(t: ExecutionContext, {rounds, problem}: CheckDocument): CheckRound {
  t.is(problem, undefined)
  const [round, ...others] = rounds
  if (round === undefined || others.length > 0) throw new Error(`${rounds.length} rounds`)
  return round
}

export function missingServer(name: string): string | undefined {
  return findProgram(name) === undefined ? notInstalled(name) : undefined
}

export const httpServer = `
  import {createServer} from 'node:http'
  createServer((request, response) => response.end('hello')).listen(process.env.PORT, '127.0.0.1')
`

export const plainPython = `
import os, socket
server = socket.socket()
server.bind(('127.0.0.1', int(os.environ['PORT'])))
server.listen()
while True:
    connection, _ = server.accept()
    try:
        while connection.recv(1000):
            pass
    except OSError:
        pass
    connection.close()
`
