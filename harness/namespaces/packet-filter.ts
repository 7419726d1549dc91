/** Which packets a scenario may drop. */
export type DroppedPackets = "the server's packets" | 'every FIN' | 'all but one FIN each way'

const table = 'table inet rebind'
const isFin = 'tcp flags & fin == fin'

/** The rules of nft(8) that drop them; everything else is accepted. */
const rulesFor: Record<DroppedPackets, (port: number) => string[]> = {
  "the server's packets": (port) => [`tcp sport ${port} drop`],
  'every FIN': () => [`${isFin} drop`],
  'all but one FIN each way': (port) => [
    `tcp sport ${port} ${isFin} limit rate 1/day burst 1 packets accept`,
    `tcp dport ${port} ${isFin} limit rate 1/day burst 1 packets accept`,
    'meta l4proto tcp drop',
  ],
}

/** A rule set that takes the place of the one before, in one transaction. */
export function rulesThatDrop(what: DroppedPackets, port: number): string {
  const hook = 'type filter hook output priority 0; policy accept;'
  return [
    rulesThatDropNothing,
    `${table} {`,
    `  chain output { ${hook}`,
    ...rulesFor[what](port).map((rule) => `    ${rule}`),
    '  }',
    '}',
    '',
  ].join('\n')
}

/** Deleting a table that is not there is an error, so it is made first. */
export const rulesThatDropNothing = `${table}\ndelete ${table}\n`
