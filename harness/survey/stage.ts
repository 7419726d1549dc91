import {randomBytes} from 'node:crypto'
import {chown, mkdir, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import type {ServerHost} from '../check/server.ts'
import {removeFolder} from '../processes/remove-folder.ts'
import {anybodyMayEnter, anybodyMayRun, findProgram} from './programs.ts'
import type {Place, SurveyServer} from './servers.ts'
import type {ServerUser} from './user.ts'

const prepareWithinMilliseconds = 180_000
const secretBytes = 32

/** A server of the table that is ready to be started, in a folder that only its user may enter. */
export interface Staged {
  place: Place
  /** With the program's whole path; run by `user`. */
  command: readonly string[]
  /** What it has to find in its environment, in addition to its port. */
  env: Readonly<Record<string, string>>
  /** What makes it restart by itself. */
  trigger: readonly string[] | undefined
  /** Removes the folder. Call it when all of the server's processes have ended. */
  dispose(): Promise<void>
}

/** A server cannot be run by the user that it would have to be run by. */
export class NotForThisUser extends Error {
  override name = 'NotForThisUser'
}

/** What a server needs that is not here, or that its user may not run. */
export function missingPrograms({needs}: SurveyServer, user: ServerUser | null): string[] {
  return needs.filter((name) => programFor(name, user) === undefined)
}

function programFor(name: string, user: ServerUser | null): string | undefined {
  return user === null ? findProgram(name) : findProgram(name, anybodyMayRun)
}

/** The command with its program's whole path, as the user who is to run it. A path, as of what was compiled, stays as it is. */
export function commandFor(
  [program = '', ...args]: readonly string[],
  user: ServerUser | null,
): string[] {
  const found = program.includes('/') ? program : programFor(program, user)
  return [...(user?.through ?? []), found ?? program, ...args]
}

/**
 * Makes the server's folder, with its files and what its preparations make of them.
 * @param user who runs everything of the server; null for the user of this process
 * @throws NotForThisUser if the folder for temporary files is closed to the user
 */
export async function stage(
  server: SurveyServer,
  port: number,
  user: ServerUser | null,
  host: ServerHost,
  signal: AbortSignal,
): Promise<Staged> {
  const folder = await host.makeFolder(`rebind-survey-${server.id}-`)
  // Compilers and interpreters keep files at home, where this user has none.
  const place = {port, folder, secret: randomBytes(secretBytes).toString('hex')}
  const env = {...(user === null ? {} : {HOME: folder}), ...server.env?.(place)}
  const disposeOfIt = () => dispose(folder, host)
  try {
    if (user !== null && !anybodyMayEnter(dirname(folder))) {
      throw new NotForThisUser(
        `user ${user.uid}, which runs it instead of root, cannot enter ${dirname(folder)}; set TMPDIR to a folder that everybody can enter`,
      )
    }
    await furnish(server, place, user)
    for (const command of [...npmInstall(server), ...(server.prepare?.(place) ?? [])]) {
      await run(command, place, {
        ...(user === null ? ownEnvironment() : publicEnvironment()),
        ...env,
      })
    }
  } catch (error) {
    await disposeOfIt()
    throw error
  }
  const asked = server.trigger?.(place)
  const trigger = asked && commandFor(asked, user)
  const command = commandFor(server.command(place), user)
  return {place, command, env, trigger, dispose: disposeOfIt}

  async function run(command: readonly string[], {folder}: Place, env: Record<string, string>) {
    const [program = '', ...args] = commandFor(command, user)
    signal.throwIfAborted()
    const run = await host.start({command: program, args, env, cwd: folder})
    const stop = () => host.kill([run.pid])
    const patience = setTimeout(stop, prepareWithinMilliseconds)
    signal.addEventListener('abort', stop)
    const {code, signal: endedBy} = await run.ended
    signal.removeEventListener('abort', stop)
    clearTimeout(patience)
    signal.throwIfAborted()
    if (code === 0) return
    await run.silent
    const line = run.lines.errorLines().at(-1) ?? `it ended with ${endedBy ?? code}`
    throw new Error(`${command.join(' ')} failed: ${line}`)
  }
}

/** Nothing of a package is run while it is installed, and nothing is written outside of the folder. */
function npmInstall({npm = []}: SurveyServer): string[][] {
  if (npm.length === 0) return []
  const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--loglevel=error']
  return [['npm', 'install', '--prefix', '.', '--cache', '.npm', ...quietly, ...npm]]
}

/** All that a server finds in its folder is its user's, and closed to everybody else. */
async function furnish(
  {files = {}, defence}: SurveyServer,
  place: Place,
  user: ServerUser | null,
): Promise<void> {
  const made = Object.keys(files).map((name) => join(place.folder, name))
  for (const [name, content] of Object.entries(files)) {
    const text =
      typeof content === 'string'
        ? content.replaceAll('127.0.0.1:PORT', `127.0.0.1:${place.port}`)
        : content(place)
    await writeFile(join(place.folder, name), text, {mode: 0o600, flag: 'wx'})
  }
  if (defence.kind === 'empty-folder') {
    const served = join(place.folder, defence.folder)
    await mkdir(served, {mode: 0o500})
    made.push(served)
  }
  if (user === null) return
  // The folder last: as soon as it is that user's, what is in it may be something else.
  for (const path of [...made, place.folder]) await chown(path, user.uid, user.gid)
}

/** Removes the folder with the rights of the user whom it belongs to. */
async function dispose(folder: string, host: ServerHost): Promise<void> {
  // Where the guardian has been killed nobody else will.
  await host.removeFolder(folder).catch(() => removeFolder(folder))
}

/** A compiler needs to find its parts, which an ordinary user's variables tell it. */
function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  )
}

/** How npm reaches its registry from here. */
const ofNetwork = /^(https?_proxy|no_proxy|npm_config_registry|node_extra_ca_certs)$/i

/** Root's other variables are none of another user's business. */
function publicEnvironment(): Record<string, string> {
  const all = Object.entries(ownEnvironment())
  return Object.fromEntries(all.filter(([name]) => name === 'PATH' || ofNetwork.test(name)))
}
