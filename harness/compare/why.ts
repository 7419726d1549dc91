import type {Aspect} from '../documents/comparison-schema.ts'
import type {Host} from '../documents/report-schema.ts'
import {besidesWords, rangeWords} from '../documents/words.ts'
import {platformOf} from '../platforms/detect.ts'
import type {BindQuestion, BindRule} from '../platforms/platform.ts'
import {clientHost} from '../sockets/address.ts'
import {overlap} from './answer.ts'
import {type Asked, asSentence, becauseOf, oneReason, ownReason} from './because.ts'
import {type Answered, grantOf, residueKey, serversOf} from './differences.ts'
import {howReleased} from './releases.ts'
import {stackTitle} from './sides.ts'

/** One side of a pair whose answers differ. */
export interface Party extends Answered {
  host: Host
  label: string
}

/**
 * Why two sides answer a scenario differently: one sentence on what weighs most. It comes from the rules of
 * the two platforms, asked what this very scenario asks; where they do not account for what was seen, the
 * sentence says that.
 */
export function whyDifferent(a: Party, b: Party, aspects: readonly Aspect[]): string {
  const explained = order.find((aspect) => aspects.includes(aspect))
  return explained === undefined ? '' : `${explanations[explained](a, b)}.`
}

const order: readonly Aspect[] = [
  'servers',
  'grant',
  'calls',
  'residue',
  'verdict',
  'error',
  'wait',
  'errno',
  'measurements',
]

const explanations: Readonly<Record<Aspect, (a: Party, b: Party) => string>> = {
  servers: (a, b) =>
    `The servers were not the same: ${serversOf(a.result)} on ${a.label}, ${serversOf(b.result)} on ${b.label}`,
  grant: (a, b) => asSentence(grantBecause(a, b)),
  residue: (a, b) => `The residue is ${residueOf(a)} on ${a.label}, ${residueOf(b)} on ${b.label}`,
  verdict: (a, b) =>
    `Refused on both, then ${a.answer.verdict} on ${a.label} and ${b.answer.verdict} on ${b.label}: the wait ended otherwise`,
  error: (a, b) =>
    `The refusal is ${a.answer.firstError?.code} on ${a.label} and ${b.answer.firstError?.code} on ${b.label}`,
  wait: (a, b) => `Release: ${releaseOf(a)}; ${releaseOf(b)}`,
  errno: (a, b) =>
    `The same ${a.answer.firstError?.code} has the number ${a.answer.firstError?.errno} on ${a.label} and ${b.answer.firstError?.errno} on ${b.label}`,
  calls: (a, b) => asSentence([a, b].map(callsBecause).join('; ')),
  measurements: (a, b) =>
    `On ${a.label} the client saw: ${besidesWords(a.result)}; on ${b.label}: ${besidesWords(b.result)}`,
}

function grantBecause(a: Party, b: Party): string {
  const unaccounted = [a, b].filter((party) => !isForeseen(party))
  if (unaccounted.length > 0) {
    return unaccounted.map(unforeseen).join('; ')
  }
  if (a.host.stack === b.host.stack) return sameRules(a, b)
  for (const outgoing of [false, true]) {
    const [askedA, askedB] = [asked(a, outgoing), asked(b, outgoing)]
    if (askedA?.question.residue === askedB?.question.residue && askedA && askedB) {
      return becauseOf(askedA, askedB)
    }
  }
  return [reported(a), reported(b)].join('; ')
}

/** Whether the report's own rules account for the first attempt. */
function isForeseen({result, answer}: Party): boolean {
  const {expected} = result
  if (expected === null) return false
  return (expected.verdict === 'immediate') === (grantOf(answer) === 'granted')
}

function unforeseen({host, label, result, answer}: Party): string {
  const {expected} = result
  const did = `the first attempt was ${grantOf(answer)}`
  return expected === null
    ? `on ${label} ${did}, and of ${stackTitle(host)} we have no rules to explain it by`
    : `on ${label} ${did}, against the rules of ${stackTitle(host)}, by which ${expected.because}`
}

/** Two machines with one rule: what differs is a setting, the release, or what was left on the port. */
function sameRules(a: Party, b: Party): string {
  const settings = Object.keys(a.host.settings)
    .filter((name) => a.host.settings[name] !== b.host.settings[name])
    .map((name) => `${name} is ${a.host.settings[name]} and ${b.host.settings[name]}`)
  const hosts = [
    ...(a.host.release === b.host.release
      ? []
      : [`releases ${a.host.release} and ${b.host.release}`]),
    ...settings,
  ]
  const difference = hosts.length === 0 ? 'the hosts say nothing that differs' : hosts.join(', ')
  return `the rules of ${stackTitle(a.host)} hold on both; ${difference}`
}

/**
 * The platform's rule for what the scenario asks; undefined where it does not reproduce the reason that the
 * report gives, because the scenario asks more than a residue and options, or the rules have changed.
 * @param outgoing whether the residue is the client's connection from the server's port, which no report says
 */
function asked({host, result}: Party, outgoing: boolean): Asked | undefined {
  const platform = platformOf(host.stack)
  const {expected, predecessor, successor, client} = result
  const {rules} = platform
  if (rules === null || expected === null) return undefined
  const {residue} = expected
  const rule = ruleOf(() => rules.bind(question()))
  return rule?.because === expected.because ? {platform, question: question(), rule} : undefined

  function question(): BindQuestion {
    if (!outgoing) return {residue, predecessor, successor}
    const address = clientHost(predecessor.address)
    return {residue, predecessor: {bind: client?.bind ?? 'autobind', address}, successor, outgoing}
  }
}

/** The address of a report may be none that the rules know. */
function ruleOf(ask: () => BindRule): BindRule | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}

/** What the report itself gives as the reason, with the residue that it is about. */
function reported({host, result, answer}: Party): string {
  const {because = '', residue = 'none'} = result.expected ?? {}
  const title = stackTitle(host)
  const outcome = grantOf(answer) === 'granted' ? 'granted' : 'EADDRINUSE'
  const over = residue === 'none' ? '' : ` over ${residue}`
  return ownReason({title: `${title}${over}`}, {outcome, because})
}

function residueOf({answer}: Party): string {
  const {residue} = answer
  if (residue === null) return 'not visible'
  return residue.length === 0 ? 'none' : residueKey(residue)
}

/** The range by the rules; where what was measured is not in it, that too. */
function releaseOf({host, label, result, answer}: Party): string {
  const {expectedResidueSeconds: expected, measuredResidueSeconds: measured} = answer
  if (expected === null) return `not known on ${label}`
  const how = howReleased(host, result)
  const outside = measured !== null && !overlap(measured, expected)
  return [
    `${rangeWords(expected, 2)} s on ${label}`,
    ...(how === undefined ? [] : [how]),
    ...(outside ? [`but measured as ${rangeWords(measured, 3)} s`] : []),
  ].join(' ')
}

function callsBecause({host, label, result}: Party): string {
  const {expected} = result
  return expected?.calls === undefined
    ? `of ${stackTitle(host)} we have no rules to explain it by`
    : `on ${label} ${oneReason(expected.because)}`
}
