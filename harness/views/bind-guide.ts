import type {BindGuide, BindGuideRow, Comparison, Side} from '../documents/comparison-schema.ts'
import {groupBy} from '../group-by.ts'
import {platformsWithRules} from '../platforms/detect.ts'
import type {Block, Cell, RowGroup, Table, Text, View} from '../render/model.ts'
import {optionNames} from '../sockets/bind-options.ts'

/** A comparison that has bind tables to answer from. */
export type GuidedComparison = Comparison & {bindGuide: BindGuide}

export function hasBindGuide(document: object): document is GuidedComparison {
  return 'bindGuide' in document && document.bindGuide !== undefined
}

/** May I bind? By what the old server left, both servers' addresses and options, what each system answers and why. */
export function bindGuideView(comparison: GuidedComparison): View {
  const {bindGuide, matrices} = comparison
  const columns = columnsOf(bindGuide, matrices)
  const groups = groupBy(bindGuide.rows, ({residues, predecessors}) =>
    JSON.stringify([residues, isAutobound(predecessors)]),
  )
  return {
    heading: 'May I bind?',
    lead: "An old server left something on its port, and a new one binds it. Find what is left, then both servers' addresses, then their options; each row can be linked to. Whatever all systems answer alike is one row.",
    blocks: [
      section('Systems', [{kind: 'list', items: systemItems(columns, comparison)}]),
      section('Words', [{kind: 'list', items: words}]),
      ...[...groups.values()].map((rows) => residueSection(rows, columns)),
      section('Rules', [ruleTable(comparison)]),
    ],
    file: 'compare.json',
  }
}

/** What the rules say that a row names, in their order. */
function ruleTable({bindGuide, rules = {}}: GuidedComparison): Table {
  const ids = new Set(bindGuide.rows.flatMap((row) => row.rules.flat()))
  const known = [...ids].flatMap((id) => {
    const text = Object.hasOwn(rules, id) ? rules[id] : undefined
    return text === undefined ? [] : [{id, ...text}]
  })
  return {
    ...{kind: 'table', label: 'Rules', columns: ['rule', 'says', 'source']},
    anchors: known.map(({id}) => id),
    rows: known.map(({id, because, source}): Text[] => [id, because, [{code: source}]]),
  }
}

const words: readonly Text[] = [
  [
    {code: 'dual'},
    ': :: without IPV6_V6ONLY, which is for IPv4, too, as Node listens by default; ',
    {code: '::'},
    ': with it',
  ],
  "A connection that a listener accepted has the listener's options. Node's server.listen and its localPort always set SO_REUSEADDR.",
  'both: SO_REUSEADDR and SO_REUSEPORT. refused: EADDRINUSE.',
]

/** Sides that answer everything alike. */
interface Column {
  title: string
  sides: number[]
}

function columnsOf({rows}: BindGuide, sides: readonly Side[]): Column[] {
  const alike = groupBy([...sides.keys()], (side) =>
    JSON.stringify(rows.map(({outcomes}) => outcomes[side])),
  )
  return [...alike.values()].map((own) => {
    const [first, ...others] = own.flatMap((side) => sides[side] ?? [])
    const stacks = new Set([first, ...others].map((side) => side && titleOf(side)))
    const title =
      others.length === 0
        ? first?.label
        : stacks.size === 1
          ? `${[...stacks][0]} (${own.length} systems)`
          : `${first?.label} and ${others.length} more`
    return {title: title ?? '', sides: own}
  })
}

function titleOf(side: Side): string {
  return platformIn(side)?.title ?? side.os
}

/** A document may name a stack that nobody knows. */
function platformIn({stack}: Side) {
  return platformsWithRules.find((platform) => platform.stack === stack)
}

function systemItems(columns: readonly Column[], {matrices, cells}: Comparison): Text[] {
  return columns.flatMap(({title, sides}) =>
    sides.flatMap((index): Text[] => {
      const side = matrices[index]
      if (side === undefined) return []
      const predicted = cells?.tables[index]?.predicted === true
      const rules = platformIn(side)?.rules
      const how = predicted
        ? `predicted from the source of ${rules?.version ?? 'a system'}; ${rules?.checked ?? 'nothing was tried'}`
        : `measured on ${side.release} ${side.arch}`
      const label = sides.length === 1 ? title : `${title}: ${side.label}`
      return [[{strong: label}, `: ${how}`]]
    }),
  )
}

/** A table for one kind of residue, in which each group is of addresses that are alike. */
function residueSection(rows: readonly BindGuideRow[], columns: readonly Column[]): Block {
  const groups = [...groupBy(rows, ({addresses}) => JSON.stringify(addresses)).values()]
  const title = residueWords(rows)
  const table: Table = {
    kind: 'table',
    label: title,
    columns: ['old socket had', 'new server sets', ...columns.map((each) => each.title), 'rules'],
    rows: groups
      .flat()
      .map((row) => [
        row.predecessors.includes('autobind') ? 'no option' : optionWords(row.predecessors),
        optionWords(row.successors),
        ...columns.map(({sides}) => outcomeCell(row.outcomes[sides[0] ?? 0])),
        ruleLinks(row),
      ]),
    anchors: groups.flat().map(({id}) => id),
    ...(rows.some(({residues}) => residues.includes('none'))
      ? {}
      : {groups: groups.map(addressGroup)}),
  }
  return section(title, [table])
}

function section(title: string, blocks: readonly Block[]): Block {
  return {kind: 'section', title, blocks}
}

function isAutobound(predecessors: BindGuideRow['predecessors']): boolean {
  return predecessors.includes('autobind')
}

/** What is left, in words that say whose it is. */
function residueWords([first]: readonly BindGuideRow[]): string {
  if (first === undefined) return ''
  const {residues, predecessors} = first
  const states = residues.map((residue) => residue.replace('outgoing-', '')).join(', ')
  if (residues.some((residue) => residue.startsWith('outgoing-'))) {
    return isAutobound(predecessors)
      ? `A client's connection to the old address, from a port that connect() chose (${states})`
      : `A client's connection from this port, which it bound first (${states})`
  }
  if (residues.includes('none')) return 'Nothing is left'
  return residues.includes('LISTEN')
    ? 'The old server still listens (LISTEN)'
    : `Connections of the old server (${states})`
}

function addressGroup(rows: readonly BindGuideRow[]): RowGroup {
  const pairs = rows[0]?.addresses ?? []
  const lesson = pairs
    .map((pair) => `old ${either(pair.predecessors)} and new ${either(pair.successors)}`)
    .join('; ')
  const [example] = pairs
  const apart = rows.every(({rules}) => rules.flat().every((id) => id === 'no-overlap'))
  return {
    title: apart
      ? 'Addresses that do not overlap'
      : `Old address ${example?.predecessors[0]}, new address ${example?.successors[0]}`,
    lesson: `For ${lesson}.`,
    rows: rows.length,
  }
}

/** `127.0.0.1, 0.0.0.0 or dual`. */
function either(names: readonly string[]): string {
  return names.length < 2
    ? names.join('')
    : `${names.slice(0, -1).join(', ')} or ${names[names.length - 1]}`
}

function optionWords(options: readonly BindGuideRow['predecessors'][number][]): string {
  if (options.length === Object.keys(optionNames).length) return 'anything'
  return either(
    options.map((option) =>
      option === 'both' || option === 'autobind' ? option : optionNames[option],
    ),
  )
}

function outcomeCell(outcome: string | null | undefined): Cell {
  if (outcome == null) return '-'
  if (outcome === 'granted') return {tone: 'good', text: outcome}
  return {tone: 'bad', text: outcome === 'EADDRINUSE' ? 'refused' : outcome}
}

/** The rules by which the systems answer so. */
function ruleLinks({rules}: BindGuideRow): Text {
  const ids = [...new Set(rules.flat())]
  return ids.flatMap((id, index) => [...(index === 0 ? [] : [', ']), {code: id, to: id}])
}
