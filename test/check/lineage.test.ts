import {openLineage, unclear} from '../../harness/check/lineage.ts'
import type {ProcessEntry} from '../../harness/processes/process-table.ts'
import {test} from '../declare.ts'

const guardian = 10

function row(pid: number, parent: number, more: Partial<ProcessEntry> = {}): ProcessEntry {
  return {pid, parent, group: pid, zombie: false, started: `at ${pid}`, ...more}
}

/** A guardian with two starts, 20 and 30, the first of which has a child. */
function twoStarts() {
  const lineage = openLineage(guardian)
  const root = row(guardian, 1)
  lineage.begin(0, 20)
  lineage.observe([root, row(20, guardian), row(21, 20)])
  lineage.begin(1, 30)
  return {lineage, root}
}

test('what an old process starts after the restart is old, and stays so when its parent has ended', (t) => {
  const {lineage, root} = twoStarts()
  lineage.observe([root, row(21, guardian), row(30, guardian), row(22, 21)])
  t.is(lineage.startOf(21), 0)
  t.is(lineage.startOf(22), 0)
  t.is(lineage.startOf(30), 1)
  lineage.observe([root, row(30, guardian), row(22, guardian)])
  t.is(lineage.startOf(22), 0, 'its parent is the guardian by now')
  t.is(lineage.startOf(21), 'ended')
})

test('an orphan whose parent was never seen is the new start’s only if no old process could have made it', (t) => {
  const {lineage, root} = twoStarts()
  lineage.observe([root, row(21, guardian), row(30, guardian), row(40, guardian)])
  t.is(lineage.startOf(40), unclear)
  const alone = twoStarts()
  alone.lineage.observe([alone.root, row(30, guardian), row(40, guardian)])
  t.is(alone.lineage.startOf(40), 1)
})

test('an orphan in the process group of a start is that start’s', (t) => {
  const {lineage, root} = twoStarts()
  lineage.observe([root, row(21, guardian), row(30, guardian)])
  lineage.observe([root, row(21, guardian), row(30, guardian), row(41, guardian, {group: 30})])
  t.is(lineage.startOf(41), 1)
})

test('a pid, or a group’s number, that has come to mean another process is not ours', (t) => {
  const {lineage, root} = twoStarts()
  lineage.observe([root, row(30, guardian), row(21, guardian)])
  const again = {started: 'later'}
  const members = lineage.observe([
    root,
    row(30, 1, again),
    row(21, 1, again),
    row(31, 1, {group: 30}),
  ])
  t.deepEqual(members, [])
  t.is(lineage.startOf(30), 'not ours')
  t.is(lineage.startOf(31), 'not ours')
})

test('a process that nobody has waited for yet is told of no more, but its children are known', (t) => {
  const {lineage, root} = twoStarts()
  const members = lineage.observe([
    root,
    row(20, guardian, {zombie: true}),
    row(23, 20),
    row(30, guardian),
  ])
  t.deepEqual(
    members.map(({pid, start}) => [pid, start]),
    [
      [23, 0],
      [30, 1],
    ],
  )
})
