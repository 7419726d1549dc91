import {mkdirSync, readdirSync, statSync, writeFileSync} from 'node:fs'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {livingBelow} from '../processes/process-table.ts'
import {quantile} from '../timing/summary.ts'
import {type Cost, costOf} from './cost-of.ts'
import type {BenchRow} from './document.ts'
import {CannotMeasure, type PartOptions, type PartResult, rowOf} from './part.ts'
import {outputOf, rebind} from './programs.ts'

const full = {starts: 11}
const less = {starts: 3}
const sampleMilliseconds = 100

/** Part 6: what it costs to install the tool, and to start it. */
export async function cost({quick, signal, scratch, tell}: PartOptions): Promise<PartResult> {
  const {starts} = quick ? less : full
  tell('npm pack, and npm install of the package elsewhere')
  const installed = await install(scratch, signal).catch((error: Error) => {
    signal.throwIfAborted()
    return {problem: error.message}
  })
  const package_ = 'problem' in installed ? null : installed
  const reason = 'problem' in installed ? installed.problem : undefined

  tell(`${starts} starts of each`)
  const node = await started([process.execPath, '--eval', '0'], starts, signal)
  const startUps: BenchRow[] = []
  for (const args of [['--version'], ['list']]) {
    const ways: [where: string, command: readonly string[] | null, problem: string | undefined][] =
      [
        ['installed', package_?.command ?? null, reason],
        ['in a checkout', rebind, undefined],
      ]
    for (const [where, command, problem] of ways) {
      const what = `rebind ${args.join(' ')}, ${where}`
      const own = command === null ? null : await started([...command, ...args], starts, signal)
      startUps.push(
        rowOf({
          what: `start-up of ${what}`,
          unit: 'seconds',
          ours: own?.wallSeconds ?? null,
          baseline: {what: 'node --eval 0', value: node.wallSeconds},
          reason: problem,
          note:
            own === null
              ? undefined
              : `${own.cpuSeconds.toFixed(2)} s of CPU time, at most ${Math.round(own.peakBytes / 1e6)} MB of memory`,
        }),
      )
    }
  }

  tell('rebind run --quick')
  const quickRun = [...rebind, 'run', '--quick', '--json', '--out', scratch]
  const run = await costOf(quickRun, {signal})
  const memory = await peakOfTree(quickRun, signal)
  return {
    how: `Start-up: the median of ${starts} starts. run --quick: once for time and CPU, once for memory. Installed: npm pack, then npm install --omit=dev into an empty folder.`,
    rows: [
      ...startUps,
      rowOf({what: 'rebind run --quick, time', unit: 'seconds', ours: run.wallSeconds}),
      rowOf({
        what: 'rebind run --quick, CPU time of all its processes',
        unit: 'seconds',
        ours: run.cpuSeconds,
      }),
      rowOf({
        what: 'rebind run --quick, peak memory of the harness',
        unit: 'bytes',
        ours: run.peakBytes,
        baseline: {what: 'node --eval 0', value: node.peakBytes},
      }),
      rowOf({
        what: 'rebind run --quick, peak memory of all its processes together',
        unit: 'bytes',
        ours: memory,
        ...(memory === null
          ? {
              reason:
                'this system does not show the proportional set size of a process (smaps_rollup)',
            }
          : {
              note: `sampled every ${sampleMilliseconds} ms; shared pages are counted once`,
            }),
      }),
      rowOf({what: 'npm package', unit: 'bytes', ours: package_?.packedBytes ?? null, reason}),
      rowOf({
        what: 'installed, with its dependencies',
        unit: 'bytes',
        ours: package_?.installedBytes ?? null,
        reason,
        note: package_ === null ? undefined : `${package_.packages} packages`,
      }),
    ],
  }
}

/** The median of several starts, after one that fills the caches. */
async function started(
  command: readonly string[],
  starts: number,
  signal: AbortSignal,
): Promise<Cost> {
  await costOf(command, {signal})
  const costs: Cost[] = []
  for (let count = 0; count < starts; count++) costs.push(await costOf(command, {signal}))
  const median = (of: (cost: Cost) => number) => quantile(costs.map(of), 0.5) ?? 0
  return {
    wallSeconds: median(({wallSeconds}) => wallSeconds),
    cpuSeconds: median(({cpuSeconds}) => cpuSeconds),
    peakBytes: median(({peakBytes}) => peakBytes),
  }
}

/** The peak memory of a command and its descendants together, by sampling; null if the system does not show it. */
async function peakOfTree(command: readonly string[], signal: AbortSignal): Promise<number | null> {
  let peak = 0
  let root: number | undefined
  let looking = false
  const timer = setInterval(async () => {
    if (root === undefined || looking) return
    looking = true
    const shares = await Promise.all(livingBelow(root).map(shareOf))
    peak = Math.max(
      peak,
      shares.reduce((sum, share) => sum + share, 0),
    )
    looking = false
  }, sampleMilliseconds)
  try {
    await costOf(command, {
      signal,
      onStart: (pid) => {
        root = pid
      },
    })
  } finally {
    clearInterval(timer)
  }
  return peak === 0 ? null : peak
}

/** The proportional set size of a process: its own pages, and its share of shared ones. */
async function shareOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1').catch(() => '')
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024
}

interface Installed {
  command: readonly string[]
  packedBytes: number
  installedBytes: number
  packages: number
}

/** As users get it: npm builds the project when it packs it. */
async function install(scratch: string, signal: AbortSignal): Promise<Installed> {
  const {NODE_OPTIONS: _, ...rest} = process.env
  // The variables that npm sets for a script would make the npm started here work on this project.
  const env = Object.fromEntries(
    Object.entries(rest).filter(([name]) => !/^npm_(?!config_)/.test(name)),
  )
  await outputOf(['npm', 'pack', '--pack-destination', scratch], {env, signal})
  const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new CannotMeasure('npm pack did not write a .tgz')
  const folder = join(scratch, 'installed')
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"private": true}')
  const quietly = ['--omit=dev', '--no-audit', '--no-fund', '--prefer-offline']
  await outputOf(['npm', 'install', ...quietly, join(scratch, tarball)], {
    cwd: folder,
    env,
    signal,
  })
  const modules = join(folder, 'node_modules')
  const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'))
  return {
    command: [process.execPath, join(modules, 'rebind', 'dist', 'harness', 'cli.js')],
    packedBytes: statSync(join(scratch, tarball)).size,
    installedBytes: sizeOf(modules),
    packages: Object.keys(lock.packages).filter((path) => path !== '').length,
  }
}

function sizeOf(folder: string): number {
  return readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .reduce((sum, {parentPath, name}) => sum + statSync(join(parentPath, name)).size, 0)
}
