/** What people see of a kernel with a known bug, whichever command shows it, and in whatever form. */
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {comparisonSchema, judgementSchema} from '../../harness/documents/comparison-schema.ts'
import {matrixOn, reportOn} from '../platforms/buggy-kernel.ts'
import {runCli, runFolder, temporaryFolder} from './cli.ts'

const sentence =
  /a bug of Linux 6\.1\.0 to 6\.1\.4, fixed in 6\.1\.5: a specific address is granted/
const id = 'linux/bug-time-wait-overlooked'

/** A run folder of a kernel, with a matrix and a report. */
function folderOf(t: ExecutionContext, kernel: string): string {
  const folder = join(temporaryFolder(t), kernel)
  mkdirSync(folder)
  writeFileSync(join(folder, 'matrix.json'), JSON.stringify(matrixOn(kernel)))
  writeFileSync(join(folder, 'report.json'), JSON.stringify(reportOn(kernel)))
  return folder
}

/** Without what wraps and escapes the text. */
function plain(text: string): string {
  return text.replace(/\\(?=[_#*[\]])/g, '').replace(/\s+/g, ' ')
}

test('the Markdown and the page of a matrix and of a run name the bug', async (t) => {
  const folder = folderOf(t, '6.1.4')
  t.is((await runCli(t, ['report', folder])).status, 0)
  for (const file of ['matrix.md', 'report.md', 'report.html']) {
    t.regex(plain(readFileSync(join(folder, file), 'utf8')), sentence, file)
  }
  t.regex(
    readFileSync(join(folder, 'matrix.md'), 'utf8'),
    /241 disagree \(241 of them by known bugs of this kernel\)/,
  )
})

test('compare names the bug where systems differ by it, in every form', async (t) => {
  const [buggy, sound, out] = [folderOf(t, '6.1.4'), folderOf(t, '6.18.44'), temporaryFolder(t)]
  const args = ['compare', sound, buggy]
  const terminal = await runCli(t, [...args, '--out', out])
  const markdown = await runCli(t, [...args, '--format', 'markdown'])
  const page = readFileSync(join(runFolder(out), 'report.html'), 'utf8')
  for (const text of [terminal.stdout, markdown.stdout, page]) t.regex(plain(text), sentence)
  const {stdout} = await runCli(t, [...args, '--json'])
  const {cells, scenarios, rules} = comparisonSchema.parse(JSON.parse(stdout))
  t.regex(rules?.[id]?.because ?? '', sentence)
  t.is(
    cells?.groups.flatMap((group) => (group.rules?.[1]?.includes(id) ? group.count : [])).length,
    1,
  )
  const first = scenarios.find(({scenario}) => scenario === 'server-closes-first')
  t.deepEqual(first?.rules, ['linux/both-sockets', id])
})

test('a run against a baseline differs by the bug, which is named, and the exit status is 1', async (t) => {
  const [buggy, sound] = [folderOf(t, '6.1.4'), folderOf(t, '6.18.44')]
  const upgraded = await runCli(t, ['compare', '--baseline', sound, buggy, '--json'])
  t.is(upgraded.status, 1)
  const {differences, notes} = judgementSchema.parse(JSON.parse(upgraded.stdout))
  const found = differences.filter(({rules}) => rules?.[1] === id)
  t.true(found.some(({kind}) => kind === 'cell') && found.some(({kind}) => kind === 'grant'))
  t.true(found.every(({kind, text}) => kind === 'error' || sentence.test(text)))
  t.true(notes.includes('host kernel: 6.18.44 -> 6.1.4'))
  const shown = await runCli(t, ['compare', '--baseline', buggy, sound])
  t.is(shown.status, 1)
  t.regex(plain(shown.stdout), /before by a bug of Linux 6\.1\.0 to 6\.1\.4, fixed in 6\.1\.5/)
})
