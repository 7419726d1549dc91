/** Which packets a scenario may drop. */
export type DroppedPackets = "the server's packets" | 'every FIN' | 'all but one FIN each way'

/**
 * Where packets are dropped. Whoever captures them sees them arrive, so what is dropped before, on output, is never
 * seen.
 */
export type DroppedAt = 'output' | 'input'

/** What a rule looks at. */
interface FilteredPacket {
  from: {port: number}
  to: {port: number}
  flags: ReadonlySet<string>
}

interface Drop {
  /** The rules of nft(8) that drop them; everything else is accepted. */
  rules(port: number): string[]
  /** The same rules, for whoever is told of the packets in their order. */
  drops(port: number): (packet: FilteredPacket) => boolean
}

const [family, table, chain, counter] = ['inet', 'rebind', 'packets', 'dropped'] as const
const isFin = 'tcp flags & fin == fin'
const drop = `counter name ${counter} drop`

const drops: Record<DroppedPackets, Drop> = {
  "the server's packets": {
    rules: (port) => [`tcp sport ${port} ${drop}`],
    drops:
      (port) =>
      ({from}) =>
        from.port === port,
  },
  'every FIN': {
    rules: () => [`${isFin} ${drop}`],
    drops:
      () =>
      ({flags}) =>
        flags.has('FIN'),
  },
  'all but one FIN each way': {
    rules: (port) => [
      `tcp sport ${port} ${isFin} limit rate 1/day burst 1 packets accept`,
      `tcp dport ${port} ${isFin} limit rate 1/day burst 1 packets accept`,
      `meta l4proto tcp ${drop}`,
    ],
    drops(port) {
      const passed = new Set<boolean>()
      return ({from, flags}) => {
        const fromServer = from.port === port
        if (!flags.has('FIN') || passed.has(fromServer)) return true
        passed.add(fromServer)
        return false
      }
    },
  },
}

/** A rule set that takes the place of the one before, in one transaction; its counter counts on. */
export function rulesThatDrop(what: DroppedPackets, port: number, at: DroppedAt): string {
  return ruleSet(at, drops[what].rules(port))
}

export function rulesThatDropNothing(at: DroppedAt): string {
  return ruleSet(at, [])
}

/** The words of nft(8) that show how many packets were dropped. */
export const countDropped = ['list', 'counter', family, table, counter] as const

/** Which packets the rules drop, as `Drop.drops`. */
export function predicateOf(what: DroppedPackets, port: number) {
  return drops[what].drops(port)
}

/** To flush a chain that is not there is an error, so it is made first. */
function ruleSet(at: DroppedAt, rules: readonly string[]): string {
  const hook = `type filter hook ${at} priority 0; policy accept;`
  return [
    `table ${family} ${table} {`,
    `  counter ${counter} { }`,
    `  chain ${chain} { ${hook} }`,
    '}',
    `flush chain ${family} ${table} ${chain}`,
    ...rules.map((rule) => `add rule ${family} ${table} ${chain} ${rule}`),
    '',
  ].join('\n')
}
