/** What follows from an operating system's rules for cells at large, and would not for a wrong rule. */

import fc from 'fast-check'
import {type Cell, cellsOf} from '../../harness/matrix/cells.ts'
import {questionOf} from '../../harness/matrix/question.ts'
import {platformsWithRules} from '../../harness/platforms/detect.ts'
import type {Platform} from '../../harness/platforms/platform.ts'
import {type BindOption, bindFlags, bindOptionOf} from '../../harness/sockets/bind-options.ts'
import {test} from '../declare.ts'

const runs = {numRuns: 2000}
const cells = cellsOf({})
const isOutgoing = ({residue}: Cell) => residue.startsWith('outgoing-')
const isConnection = ({residue}: Cell) => residue !== 'none' && residue !== 'LISTEN'

const [linux, darwin, gvisor] = ['linux', 'darwin', 'gvisor'].map(
  (stack) => platformsWithRules.find((platform) => platform.stack === stack) as Platform,
) as [Platform, Platform, Platform]

function isGranted({rules}: Platform, cell: Cell): boolean {
  return rules?.bind(questionOf(cell)).outcome === 'granted'
}

function anyCell(wanted: (cell: Cell) => boolean = () => true) {
  return fc.constantFrom(...cells.filter(wanted))
}

function withOption(bind: BindOption, option: 'reuseaddr' | 'reuseport'): BindOption {
  return bindOptionOf({...bindFlags(bind), [option]: true})
}

const option = fc.constantFrom('reuseaddr' as const, 'reuseport' as const)

function law<Drawn>(title: string, property: fc.IRawProperty<Drawn>): void {
  test(title, (t) => {
    fc.assert(property, runs)
    t.pass()
  })
}

for (const platform of platformsWithRules) {
  const {title} = platform

  // Every rule asks whether a flag is set, and none whether one is not.
  law(
    `${title}: a granted successor stays granted with one option more`,
    fc.property(anyCell(), option, (cell, added) => {
      const {successor} = cell
      const more = {...cell, successor: {...successor, bind: withOption(successor.bind, added)}}
      return !isGranted(platform, cell) || isGranted(platform, more)
    }),
  )
  law(
    `${title}: a granted successor stays granted over a predecessor with one option more`,
    fc.property(
      anyCell(({predecessor}) => predecessor.bind !== 'autobind'),
      option,
      (cell, added) => {
        const {address, bind} = cell.predecessor
        const more = withOption(bind as BindOption, added)
        return (
          !isGranted(platform, cell) ||
          isGranted(platform, {...cell, predecessor: {address, bind: more}})
        )
      },
    ),
  )
  law(
    `${title}: over nothing every bind is granted`,
    fc.property(
      anyCell(({residue}) => residue === 'none'),
      (cell) => isGranted(platform, cell),
    ),
  )
  law(
    `${title}: a plain bind of the listener's own address is refused`,
    fc.property(
      anyCell(({residue}) => residue === 'LISTEN'),
      (cell) => {
        const successor = {bind: 'none', address: cell.predecessor.address} as const
        return !isGranted(platform, {...cell, successor})
      },
    ),
  )
  law(
    `${title}: a specific IPv4 address and one of IPv6 alone never meet`,
    fc.property(
      anyCell(({predecessor, successor}) => {
        const ipv4 = (address: string) => /^127\./.test(address)
        const ipv6 = (address: string) => /^::1?$/.test(address)
        const [old, own] = [predecessor.address, successor.address]
        return (ipv4(old) && ipv6(own)) || (ipv6(old) && ipv4(own))
      }),
      (cell) => isGranted(platform, cell),
    ),
  )
  // No rule looks at the state, but for LISTEN.
  law(
    `${title}: it does not matter which state a connection is in`,
    fc.property(anyCell(isConnection), (cell) =>
      cells
        .filter(
          ({residue, predecessor, successor}) =>
            isConnection({...cell, residue}) &&
            isOutgoing({...cell, residue}) === isOutgoing(cell) &&
            predecessor.bind === cell.predecessor.bind &&
            predecessor.address === cell.predecessor.address &&
            successor.bind === cell.successor.bind &&
            successor.address === cell.successor.address,
        )
        .every((other) => isGranted(platform, other) === isGranted(platform, cell)),
    ),
  )
}

/** The same addresses with the two sides' options changed over. */
function optionsSwapped({residue, predecessor, successor}: Cell): Cell {
  return {
    residue,
    predecessor: {address: predecessor.address, bind: successor.bind},
    successor: {address: successor.address, bind: predecessor.bind as BindOption},
  }
}

// Linux wants the same option on both sides; neither side is asked more than the other.
law(
  'Linux: the options of predecessor and successor can change places',
  fc.property(
    anyCell(({predecessor}) => predecessor.bind !== 'autobind'),
    (cell) => isGranted(linux, cell) === isGranted(linux, optionsSwapped(cell)),
  ),
)
// A connection with a destination lets SO_REUSEPORT in without having it: there the sides differ.
law(
  'gVisor: the options of a listener, or of a client that was bound, and of the successor can change places',
  fc.property(
    anyCell(
      (cell) =>
        cell.residue === 'LISTEN' || (isOutgoing(cell) && cell.predecessor.bind !== 'autobind'),
    ),
    (cell) => isGranted(gvisor, cell) === isGranted(gvisor, optionsSwapped(cell)),
  ),
)
law(
  'gVisor: SO_REUSEPORT is granted over every accepted connection',
  fc.property(
    anyCell(
      (cell) => isConnection(cell) && !isOutgoing(cell) && bindFlags(cell.successor.bind).reuseport,
    ),
    (cell) => isGranted(gvisor, cell),
  ),
)

for (const platform of [linux, gvisor]) {
  // Both compare the addresses of two sockets, whichever came first; macOS exempts dual over 0.0.0.0.
  law(
    `${platform.title}: a listener and a successor refuse each other whoever comes first`,
    fc.property(
      anyCell(({residue}) => residue === 'LISTEN'),
      ({residue, predecessor, successor}) => {
        const first = {...predecessor, bind: predecessor.bind as BindOption}
        return (
          isGranted(platform, {residue, predecessor, successor}) ===
          isGranted(platform, {residue, predecessor: successor, successor: first})
        )
      },
    ),
  )
}

// Linux never grants a listener's address for SO_REUSEADDR, on whichever side it is.
law(
  'Linux: SO_REUSEADDR changes nothing over a listener',
  fc.property(
    anyCell(({residue}) => residue === 'LISTEN'),
    (cell) => {
      const {address, bind} = cell.successor
      const more = withOption(bind, 'reuseaddr')
      return (
        isGranted(linux, cell) === isGranted(linux, {...cell, successor: {address, bind: more}})
      )
    },
  ),
)
// in_pcblookup_local without INPLOOKUP_WILDCARD passes over PCBs with a foreign address.
law(
  'macOS: with either option the successor is granted over every connection',
  fc.property(
    anyCell((cell) => isConnection(cell) && cell.successor.bind !== 'none'),
    (cell) => isGranted(darwin, cell),
  ),
)
law(
  "macOS: a connection's own options, and who made it, do not matter",
  fc.property(anyCell(isConnection), anyCell(isConnection), (cell, other) => {
    const {address} = cell.predecessor
    const predecessor = {address, bind: other.predecessor.bind}
    if (predecessor.bind === 'autobind' && !isOutgoing(other)) return true
    return (
      isGranted(darwin, cell) ===
      isGranted(darwin, {residue: other.residue, predecessor, successor: cell.successor})
    )
  }),
)
law(
  'macOS: of a listener nothing matters but SO_REUSEPORT',
  fc.property(
    anyCell(({residue}) => residue === 'LISTEN'),
    (cell) => {
      const {address, bind} = cell.predecessor
      const more = withOption(bind as BindOption, 'reuseaddr')
      return (
        isGranted(darwin, cell) === isGranted(darwin, {...cell, predecessor: {address, bind: more}})
      )
    },
  ),
)
