import type {CheckDocument, CheckError, CheckRound} from '../documents/check-schema.ts'
import type {Platform} from '../platforms/platform.ts'
import {generalFixes, runtimes} from './fixes.ts'
import {processWords} from './problems.ts'

/** What was seen of the restarts, as the advice asks for it. */
interface Seen {
  document: CheckDocument
  platform: Platform
  rounds: readonly CheckRound[]
  failed: readonly CheckRound[]
  /** Refused with EADDRINUSE, and no old process to blame. */
  overResidue: boolean
  listeningSurvivors: CheckRound['survivors']
  otherSurvivors: CheckRound['survivors']
}

/** What to say of each kind if it fits what was seen. In the order of their weight. */
const advisers: Readonly<Record<AdviceKind, (seen: Seen) => string[]>> = {
  problem,
  'live-old-process': liveOldProcess,
  'missing-reuseaddr': missingReuseaddr,
  'unexplained-refusal': unexplainedRefusal,
  'moved-away': movedAway,
  crashes,
  'slow-exit': slowExit,
  'old-processes': oldProcesses,
  'known-bug': knownBug,
  'nothing-proven': nothingProven,
  fine,
}

type AdviceKind =
  | 'problem'
  | 'live-old-process'
  | 'missing-reuseaddr'
  | 'unexplained-refusal'
  | 'moved-away'
  | 'crashes'
  | 'slow-exit'
  | 'old-processes'
  | 'known-bug'
  | 'nothing-proven'
  | 'fine'

/** Advice that fits what was seen; empty only if nothing was measured. */
export function adviceFor(document: CheckDocument, platform: Platform): string[] {
  return kindsOfAdvice(document, platform).map(({text}) => text)
}

/** The same, with what kind of advice each sentence is. */
export function kindsOfAdvice(
  document: CheckDocument,
  platform: Platform,
): {kind: AdviceKind; text: string}[] {
  const {rounds} = document
  const failed = rounds.filter(({verdict}) => verdict !== 'immediate')
  const survivors = rounds.flatMap((round) => round.survivors)
  const listeningSurvivors = survivors.filter(({listening}) => listening)
  const seen: Seen = {
    document,
    platform,
    rounds,
    failed,
    overResidue: namesInUse(failed) && listeningSurvivors.length === 0,
    listeningSurvivors,
    otherSurvivors: survivors.filter(({listening}) => !listening),
  }
  return Object.entries(advisers).flatMap(([kind, advise]) =>
    advise(seen).map((text) => ({kind: kind as AdviceKind, text})),
  )
}

function namesInUse(rounds: readonly CheckRound[]): boolean {
  return rounds.some(({errors}) => errors.some(({code}) => code === 'EADDRINUSE'))
}

function runtimeOf({document}: Seen) {
  return runtimes.find(({name}) => name === document.runtime)
}

function problem({document}: Seen): string[] {
  if (document.problem === undefined) return []
  const {remedy} = document.problem
  return [`${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`]
}

/** What helps where the signal to stop did not reach the server. */
export const stopsWholeGroup =
  'Stop the whole process group (kill -- -PID), or have the parent pass the signal on: in a shell script, start the server with exec; run node directly instead of through npm.'

function liveOldProcess(seen: Seen): string[] {
  if (seen.listeningSurvivors.length === 0) return []
  const beside = seen.failed.some(({errors}) => errors.some(({kind}) => kind === 'beside-old'))
  const who = seen.listeningSurvivors.map(processWords).join(', ')
  return [
    `An old process is still running and listening: ${who}. It outlived the process that was stopped, and SO_REUSEADDR does not help here.${
      beside
        ? ' The new server could listen on the same port (SO_REUSEPORT), so the old one still gets some of the new connections.'
        : ''
    }`,
    stopsWholeGroup,
  ]
}

function missingReuseaddr(seen: Seen): string[] {
  const {document, overResidue, rounds} = seen
  if (!overResidue || document.reuseaddr.set !== false) return []
  const waits = rounds.flatMap(({waitSeconds}) => waitSeconds ?? [])
  const longest = Math.max(0, ...waits)
  const cost = longest > 0 ? `. It cost ${longest.toFixed(1)} s` : ''
  const runtime = runtimeOf(seen)
  return [
    `The server binds without SO_REUSEADDR, so its own old connections keep it from its port: that is what "address already in use" means here${cost}.${keptFor(seen)}`,
    `Set the option before bind(). ${runtime === undefined ? generalFixes.join('. ') : runtime.setReuseaddr}.`,
    ...lateOption(seen),
  ]
}

function keptFor({platform, document, failed}: Seen): string {
  const left = failed.flatMap(({residue}) => residue ?? [{endpoint: 'server', state: 'TIME_WAIT'}])
  if (!left.some(({endpoint, state}) => endpoint === 'server' && state === 'TIME_WAIT')) return ''
  const release = platform.rules?.release('TIME_WAIT', document.host.settings)
  if (release?.endsBy !== 'kernel') return ''
  const seconds = Math.round(release.residueSeconds[0])
  return ` ${platform.title} keeps a connection for another ${seconds} s on the side that closed it first (TIME_WAIT), so that late packets do not reach a new one.`
}

/** Whether the option helps at once depends on whether the OS asks the old socket, too. */
function lateOption({platform, document}: Seen): string[] {
  const {address} = document
  const rule = platform.rules?.bind({
    residue: 'TIME_WAIT',
    predecessor: {bind: 'none', address},
    successor: {bind: 'reuseaddr', address},
  })
  return rule?.outcome === 'EADDRINUSE'
    ? [
        `The first restart after this change still has to wait: ${platform.title} requires the option on the old socket, too.`,
      ]
    : []
}

function unexplainedRefusal(seen: Seen): string[] {
  const {document, overResidue, failed} = seen
  if (!overResidue || document.reuseaddr.set === false) return []
  const held = failed.some(({survivors}) => survivors.length > 0)
  return [
    held
      ? 'The port was refused while old processes of the server were still running; they are listed below.'
      : `The port was refused, but no visible socket explains it: ${document.reuseaddr.because}. Run rebind why ${document.port} during the restart to see what is using it.`,
  ]
}

function movedAway({failed, document}: Seen): string[] {
  const moved = failed.flatMap(({errors}) => errors).find(isElsewhere)
  if (moved === undefined) return []
  return [
    `When port ${document.port} is refused, the server ${moved.what}, where nobody looks for it. Make it fail instead (strictPort, or an error handler that exits).`,
  ]
}

function isElsewhere({kind}: CheckError): boolean {
  return kind === 'other-port' || kind === 'other-address'
}

function crashes({failed, document}: Seen): string[] {
  const other = failed.flatMap(({errors}) => errors).filter(({code}) => code === null)
  const crash = other.find((error) => !isElsewhere(error) && error.kind !== 'beside-old')
  if (crash === undefined) return []
  const said = crash.lines.length === 0 ? 'and wrote nothing' : `and wrote: ${crash.lines[0]}`
  const silent = crash.kind === 'never-listened'
  return [
    `The restart also fails for another reason: the server ${crash.what} ${said}. ${
      silent
        ? `This is how it looks when a server has crashed and its supervisor stays (node --watch, nodemon); check the server itself.`
        : `This has nothing to do with port ${document.port}: look for what the first run leaves behind (a lock or pid file, a database) or for a second port.`
    }`,
  ]
}

function slowExit(seen: Seen): string[] {
  const {document, rounds} = seen
  const late = rounds.find(({stopTimedOut}) => stopTimedOut)
  if (late === undefined) return []
  const asked =
    document.stop === 'none'
      ? 'The server did not exit by itself'
      : `The server did not exit on ${document.stop}`
  const fix = runtimeOf(seen)?.exitSoon
  return [
    `${asked} within ${late.exitSeconds.toFixed(1)} s while a connection was open, so SIGKILL had to follow, as under systemd and Docker.${
      fix === undefined
        ? ' Make it close its connections and exit when it is told to stop.'
        : ` ${fix}.`
    }`,
  ]
}

function oldProcesses({otherSurvivors, failed}: Seen): string[] {
  if (otherSurvivors.length === 0) return []
  const who = otherSurvivors.map(processWords).join(', ')
  const effect =
    failed.length > 0
      ? 'A connection or a file that they hold may be in the way'
      : 'They were not in the way'
  return [`Processes of the old server were still running at the restart: ${who}. ${effect}.`]
}

/** What a kernel grants by mistake, the next one will refuse. */
function knownBug({document, platform}: Seen): string[] {
  const {rule} = document.reuseaddr
  const bug = platform.rules?.bugs.find(({id}) => id === rule)
  const text = bug === undefined ? undefined : platform.rules?.table[bug.id]
  return text === undefined
    ? []
    : [
        `The restart was not refused, but that may be ${text.because}. Set SO_REUSEADDR before bind(), or the server may be refused its port after the next kernel update.`,
      ]
}

function nothingProven(seen: Seen): string[] {
  const {document, rounds} = seen
  if (!document.safe || document.reuseaddr.set !== null || knownBug(seen).length > 0) return []
  if (rounds.length === 0) return []
  const reset = rounds.every(({connections}) => connections.reset > 0)
  const why = reset ? ' The connections were reset (RST), which leaves nothing behind.' : ''
  return [
    `No restart had anything in its way, so this proves little about SO_REUSEADDR: ${document.reuseaddr.because}.${why} Try --send with a request, or --connections 10.`,
  ]
}

function fine({document, rounds}: Seen): string[] {
  const allExited = rounds.every(({stopTimedOut}) => !stopTimedOut)
  return document.safe && document.reuseaddr.set === true && allExited
    ? ['Nothing to do: the server gets its port back at once, even with connections open.']
    : []
}
