/** Documents as a machine would write them on which everything goes by a platform's rules. */
import type {MatrixDocument, ReportDocument} from '../../harness/compare/documents.ts'
import {describeHost} from '../../harness/documents/host.ts'
import {
  type MatrixCell,
  matrixAddresses,
  matrixResidues,
  predecessorBinds,
} from '../../harness/documents/matrix-schema.ts'
import type {Result, ResultBind} from '../../harness/documents/report-schema.ts'
import {questionOf} from '../../harness/matrix/question.ts'
import type {Platform, Settings} from '../../harness/platforms/platform.ts'
import {blankResult} from '../../harness/restart/blank.ts'
import {bindOptions} from '../../harness/sockets/bind-options.ts'
import {scenarios} from '../../scenarios/index.ts'

const settingsOf: Partial<Record<Platform['stack'], Settings>> = {
  linux: {CONFIG_HZ: 250, tcp_fin_timeout: 60},
  darwin: {'net.inet.tcp.msl': 15_000, 'net.inet.tcp.fin_timeout': 60_000},
}

export const granted: ResultBind = {
  verdict: 'immediate',
  waited: true,
  attempts: 1,
  errors: {},
  firstError: null,
  waitSeconds: 0,
  residueSeconds: 0.4,
  uncertaintySeconds: 0,
}

/** A bind that was refused, and granted `residueSeconds` after the last residue appeared. */
export function delayed(residueSeconds: number, errno = 98): ResultBind {
  return {
    verdict: 'delayed',
    waited: true,
    attempts: 3,
    errors: {EADDRINUSE: 2},
    firstError: {code: 'EADDRINUSE', errno, syscall: 'bind', message: 'bind EADDRINUSE'},
    waitSeconds: residueSeconds - 0.5,
    residueSeconds,
    uncertaintySeconds: 0.001,
  }
}

/** As `--quick` leaves it: one refusal, and no wait. */
export function refused(errno = 98): ResultBind {
  return {
    ...delayed(1, errno),
    verdict: 'blocked',
    waited: false,
    waitSeconds: null,
    residueSeconds: null,
    uncertaintySeconds: null,
  }
}

function resultBy(platform: Platform, settings: Settings, id: string): Result {
  const scenario = scenarios[id]
  if (scenario === undefined) throw new Error(`no scenario ${id}`)
  const blank: Result = blankResult(id, scenario, {platform, settings, limitSeconds: 150})
  const {expected} = blank
  const state = scenario.residue.server
  const hidden = state !== 'none' && platform.hiddenStates.includes(state)
  return {
    ...blank,
    status: 'as-expected',
    residue: hidden ? null : state === 'none' ? [] : [{endpoint: 'server', state, count: 1}],
    bind:
      expected?.verdict === 'immediate'
        ? granted
        : delayed((expected?.residueSeconds?.[0] ?? 2) + 0.1, expected?.errno),
  }
}

const someScenarios = [
  'server-closes-first',
  'reuseaddr-added-late',
  'reuseport-added-late',
  'client-never-closes',
  'client-aborts',
  'old-server-still-listening',
]

export interface ReportChanges {
  ids?: readonly string[]
  file?: string
  settings?: Settings
  release?: string
  label?: string
  /** Fields of single results, by scenario. */
  results?: Record<string, Partial<Result>>
}

export function reportBy(
  platform: Platform,
  {ids = someScenarios, file = `${platform.stack}.json`, results = {}, ...host}: ReportChanges = {},
): ReportDocument {
  const settings = host.settings ?? settingsOf[platform.stack] ?? {}
  return {
    kind: 'report',
    file,
    content: {
      format: 'rebind-report',
      version: 1,
      run: {
        id: 'a-run',
        startedAt: '2026-11-24T00:00:00.000Z',
        wallSeconds: 66,
        rebind: '0.1.0',
        command: ['run'],
      },
      host: {
        ...describeHost(platform, settings),
        os: platform.stack === 'darwin' ? 'darwin' : 'linux',
        release: host.release ?? '6.18.0',
        ...(host.label === undefined ? {} : {label: host.label}),
        arch: 'x64',
      },
      results: ids.map((id) => ({...resultBy(platform, settings, id), ...results[id]})),
    },
  }
}

/** Every combination of residue, options and addresses that a table may hold. */
export function everyCell(): Pick<MatrixCell, 'residue' | 'predecessor' | 'successor'>[] {
  const successors = bindOptions.flatMap((bind) =>
    matrixAddresses.map((address) => ({bind, address})),
  )
  return matrixResidues.flatMap((residue) =>
    predecessorBinds
      .filter((bind) => bind !== 'autobind' || residue.startsWith('outgoing-'))
      .flatMap((bind) => matrixAddresses.map((address) => ({bind, address})))
      .flatMap((predecessor) => successors.map((successor) => ({residue, predecessor, successor}))),
  )
}

export interface MatrixChanges {
  release?: string
  file?: string
  keep?: (cell: MatrixCell) => boolean
  change?: (cell: MatrixCell) => Partial<MatrixCell>
}

export function matrixBy(
  platform: Platform,
  {
    file = `${platform.stack}-matrix.json`,
    keep = () => true,
    change = () => ({}),
    ...host
  }: MatrixChanges = {},
): MatrixDocument {
  const cells = everyCell()
    .map((cell): MatrixCell => {
      const outcome = platform.rules?.bind(questionOf(cell)).outcome ?? 'granted'
      return {...cell, observed: outcome, expected: outcome, agrees: true}
    })
    .filter(keep)
    .map((cell) => ({...cell, ...change(cell)}))
  return {
    kind: 'matrix',
    file,
    content: {
      format: 'rebind-matrix',
      version: 1,
      host: reportBy(platform, {ids: [], ...host}).content.host,
      cells,
      agreement: {agreeing: cells.length, disagreeing: 0, unknown: 0},
      wallSeconds: 1,
    },
  }
}
