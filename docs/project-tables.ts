/** What the project says of itself, as tables: its commands and its scenarios. */
import {execFileSync} from 'node:child_process'
import {fileURLToPath} from 'node:url'
import type {NodeServer, Scenario, ServerSpec} from '../harness/scenario.ts'
import {groups, scenarios} from '../scenarios/index.ts'
import {table} from './markdown-table.ts'

const project = fileURLToPath(new URL('..', import.meta.url))

/** The commands as `rebind --help` tells of them. */
export function commandTable(): string {
  const help = execFileSync(
    process.execPath,
    [`--import=${import.meta.resolve('tsx')}`, 'harness/cli.ts', '--help'],
    {cwd: project, encoding: 'utf8', env: {...process.env, NO_COLOR: '1'}},
  )
  const [, listing = ''] = help.split('Commands:\n')
  // What does not fit a line goes on in the next one, below the description.
  const unfolded = listing.replace(/\n {10,}(?=\S)/g, ' ')
  const rows = [...unfolded.matchAll(/^ {2}(\S.*?) {2,}(\S.*)$/gm)]
    .map(([, usage = '', description = '']) => [usage.replace(' [options]', ''), description])
    .filter(([usage = '']) => !usage.startsWith('help'))
  return table(
    ['command', 'does'],
    rows.map(([usage, description]) => [`\`rebind ${usage}\``, escaped(description ?? '')]),
  )
}

/** Every scenario with its servers and its claim; the arms of one in one row. */
export function scenarioTables(): string {
  return groups
    .map(({title, lesson, scenarios: own}) => {
      const listed = Object.entries(scenarios).filter(([id]) =>
        Object.hasOwn(own, id.split('/', 1)[0] ?? ''),
      )
      return `## ${title}\n\n${escaped(lesson)}\n\n${tableOf(listed)}`
    })
    .join('\n\n')
}

function tableOf(listed: readonly [string, Scenario][]): string {
  const rows = new Map<string, {scenario: Scenario; arms: string[]}>()
  for (const [id, scenario] of listed) {
    const [name = id, arm] = id.split('/')
    const row = rows.get(name) ?? {scenario, arms: []}
    if (arm !== undefined) row.arms.push(arm)
    rows.set(name, row)
  }
  return table(
    ['scenario', 'servers', 'what it shows'],
    [...rows].map(([id, {scenario, arms}]) => {
      const armed = arms.length === 0 ? '' : ` Arms: ${arms.map((arm) => `\`${arm}\``).join(', ')}.`
      return [
        `[\`${id}\`](../scenarios/${id}.ts)`,
        serversOf(scenario),
        `${escaped(scenario.claim)}${armed}`,
      ]
    }),
  )
}

function serversOf({predecessor, successor}: Scenario): string {
  return successor === undefined
    ? 'the client restarts'
    : `${serverWords(predecessor)} -> ${serverWords(successor)}`
}

function serverWords(server: ServerSpec): string {
  const opener = 'opener' in server ? `\`${nodeWords(server)}\`` : server.bind
  const address = server.address === undefined ? '' : ` on ${server.address}`
  return `${opener}${address}${server.inherited === true ? ', inherited' : ''}`
}

function nodeWords({http, cluster, reusePort}: NodeServer): string {
  if (http === true) return 'http server.listen'
  if (cluster === true) return 'cluster server.listen'
  return reusePort === true ? 'server.listen({reusePort: true})' : 'server.listen'
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}
