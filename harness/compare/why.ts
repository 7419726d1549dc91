import {isDeepStrictEqual} from 'node:util'
import type {Answer, Aspect} from '../documents/comparison-schema.ts'
import type {Host} from '../documents/report-schema.ts'
import type {ExpectedRules} from '../documents/rules.ts'
import {besidesWords, counted, rangeWords} from '../documents/words.ts'
import {groupBy} from '../group-by.ts'
import {platformOf} from '../platforms/detect.ts'
import {bindQuestions, ruleOf} from '../restart/bind-questions.ts'
import {bugOfResult} from '../restart/known-bug.ts'
import {
  type Asked,
  asSentence,
  becauseOf,
  oneReason,
  ownReason,
  type Reason,
  reason,
} from './because.ts'
import {
  type Answered,
  answersIn,
  grantOf,
  isOutside,
  optionsIn,
  residueKey,
  serversOf,
} from './differences.ts'
import {textsOf} from './rules.ts'
import {stackTitle} from './sides.ts'

/** One side of a pair whose answers differ. */
export interface Party extends Answered {
  host: Host
  label: string
  rules: ExpectedRules
}

/**
 * Why two sides answer a scenario differently: one sentence on what weighs most. It comes from the rules of
 * the two platforms, asked what this very scenario asks; where they do not account for what was seen, the
 * sentence says that.
 */
export function whyDifferent(a: Party, b: Party, aspects: readonly Aspect[]): Reason | undefined {
  const explained = order.find((aspect) => aspects.includes(aspect))
  if (explained === undefined) return undefined
  const {key, text} = explanations[explained](a, b)
  return {key: `${explained} ${key}`, text: `${text}.`}
}

const order: readonly Aspect[] = [
  'servers',
  'grant',
  'calls',
  'residue',
  'verdict',
  'repetitions',
  'error',
  'wait',
  'errno',
  'measurements',
]

const explanations: Readonly<Record<Aspect, (a: Party, b: Party) => Reason>> = {
  servers(a, b) {
    const [ofA, ofB] = [serversOf(a.result), serversOf(b.result)]
    const text = `The servers were not the same: ${ofA} on ${a.label}, ${ofB} on ${b.label}`
    return seen([a, b], ({result}) => optionsIn(result), text)
  },
  grant: grantBecause,
  residue(a, b) {
    const text = `The residue is ${residueOf(a)} on ${a.label}, ${residueOf(b)} on ${b.label}`
    return seen([a, b], ({answer: {residue}}) => residue && residueKey(residue), text)
  },
  verdict(a, b) {
    const text = `Refused on both, then ${a.answer.verdict} on ${a.label} and ${b.answer.verdict} on ${b.label}: the wait ended otherwise`
    return seen([a, b], ({answer}) => answer.verdict, text)
  },
  repetitions(a, b) {
    const text = `Not every repetition answered alike: ${repetitionWords(a)}; ${repetitionWords(b)}`
    return seen([a, b], ({result}) => [...new Set(answersIn(result))].sort(), text)
  },
  error(a, b) {
    const text = `The refusal is ${a.answer.firstError?.code} on ${a.label} and ${b.answer.firstError?.code} on ${b.label}`
    return seen([a, b], ({answer}) => answer.firstError?.code, text)
  },
  wait(a, b) {
    const what = ({answer, rules}: Party) => [
      rules.release,
      answer.expectedResidueSeconds && rangeWords(answer.expectedResidueSeconds, 2),
      measuredOutside(answer),
    ]
    return seen([a, b], what, `Release: ${releaseOf(a)}; ${releaseOf(b)}`)
  },
  errno(a, b) {
    const text = `The same ${a.answer.firstError?.code} has the number ${a.answer.firstError?.errno} on ${a.label} and ${b.answer.firstError?.errno} on ${b.label}`
    return seen([a, b], ({answer}) => answer.firstError, text)
  },
  calls: (a, b) =>
    seen([a, b], rulesKey, asSentence([callsBecause(a), callsBecause(b)].join('; '))),
  measurements(a, b) {
    const what = ({result: {calls = [], measurements}}: Party) => [
      calls.map(({from, call, outcome, errno}) => [from, call, outcome, errno]),
      measurements,
    ]
    const isByRules = !isDeepStrictEqual(rulesKey(a), rulesKey(b))
    const saw = ({result}: Party) => {
      const because = isByRules ? result.expected?.because : undefined
      return `${besidesWords(result)}${because === undefined ? '' : `, as ${oneReason(because)}`}`
    }
    const text = `On ${a.label} the client saw: ${saw(a)}; on ${b.label}: ${saw(b)}`
    return seen([a, b], isByRules ? rulesKey : what, text)
  },
}

/** `immediate 1 time, delayed 9 times on Linux`. */
function repetitionWords({label, result}: Party): string {
  const words = [...groupBy(answersIn(result), (answer) => answer)].map(
    ([answer, own]) => `${answer} ${counted(own.length, 'time')}`,
  )
  return `${words.join(', ') || 'no answer'} on ${label}`
}

/** A reason that is what was seen on either side. */
function seen(parties: readonly Party[], what: (party: Party) => unknown, text: string): Reason {
  return reason(
    parties.map((party) => [party.label, what(party)]),
    text,
  )
}

/** What a side's expectation rests on; of somebody's own scenario in an earlier report only its name is known. */
function rulesKey({result: {scenario}, rules}: Party) {
  const {rule, premises = []} = rules
  return rule === undefined ? scenario : [rule, premises]
}

function grantBecause(a: Party, b: Party): Reason {
  const unaccounted = [a, b].filter((party) => !isForeseen(party))
  if (unaccounted.length > 0) {
    return seen(
      unaccounted,
      (party) => bugOf(party)?.id ?? ['unforeseen', grantOf(party.answer), rulesKey(party)],
      asSentence(unaccounted.map(unforeseen).join('; ')),
    )
  }
  if (a.host.stack === b.host.stack && !isByVersion(a, b)) return sameRules(a, b)
  for (const outgoing of [false, true]) {
    const [askedA, askedB] = [asked(a, outgoing), asked(b, outgoing)]
    if (askedA?.question.residue === askedB?.question.residue && askedA && askedB) {
      const {key, text} = becauseOf(askedA, askedB)
      return {key, text: asSentence(text)}
    }
  }
  return seen(
    [a, b],
    (party) => ['reported', party.result.expected?.residue, rulesKey(party)],
    asSentence([reported(a), reported(b)].join('; ')),
  )
}

/** Whether two versions of a system have a rule each for this. */
function isByVersion(a: Party, b: Party): boolean {
  return a.host.release !== b.host.release && a.rules.rule !== b.rules.rule
}

/** Whether the report's own rules account for the first attempt. */
function isForeseen({result, answer}: Party): boolean {
  const {expected} = result
  if (expected === null) return false
  return (expected.verdict === 'immediate') === (grantOf(answer) === 'granted')
}

function bugOf({host, result}: Party) {
  return bugOfResult(result, host)
}

function unforeseen(party: Party): string {
  const {host, label, result, answer} = party
  const {expected} = result
  const did = `the first attempt was ${grantOf(answer)}`
  const bug = bugOf(party)
  if (bug !== undefined) return `on ${label} ${did} by ${oneReason(bug.because)}`
  return expected === null
    ? `on ${label} ${did}, and of ${stackTitle(host)} we have no rules to explain it by`
    : `on ${label} ${did}, against the rules of ${stackTitle(host)}, by which ${expected.because}`
}

/** Two machines with one rule: what differs is a setting, the release, or what was left on the port. */
function sameRules(a: Party, b: Party): Reason {
  const settings = Object.keys(a.host.settings)
    .filter((name) => a.host.settings[name] !== b.host.settings[name])
    .map((name) => [name, a.host.settings[name], b.host.settings[name]] as const)
  const releases = a.host.release === b.host.release ? [] : [a.host.release, b.host.release]
  const hosts = [
    ...(releases.length === 0 ? [] : [`releases ${releases.join(' and ')}`]),
    ...settings.map(([name, ofA, ofB]) => `${name} is ${ofA} and ${ofB}`),
  ]
  const difference = hosts.length === 0 ? 'the hosts say nothing that differs' : hosts.join(', ')
  return reason(
    ['same-rules', a.host.stack, releases, settings],
    asSentence(`the rules of ${stackTitle(a.host)} hold on both; ${difference}`),
  )
}

/**
 * The platform's rule for what the scenario asks; undefined where it is not the one by which the report was judged,
 * because the scenario asks more than a residue and options, or the rules have changed.
 * @param outgoing whether the residue is the client's connection from the server's port
 */
function asked({host, result, rules: by}: Party, outgoing: boolean): Asked | undefined {
  const platform = platformOf(host.stack)
  const {rules} = platform
  const question = bindQuestions(result).find((each) => (each.outgoing === true) === outgoing)
  if (rules === null || question === undefined || (by.premises?.length ?? 0) > 0) return undefined
  const rule = ruleOf(() => rules.bind(question))
  return rule !== undefined && rule.id === by.rule ? {platform, question, rule} : undefined
}

/** What the report itself gives as the reason, with the residue that it is about. */
function reported({label: title, result, answer}: Party): string {
  const {because = '', residue = 'none'} = result.expected ?? {}
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
function releaseOf({host, label, rules: {release: id}, answer}: Party): string {
  const {expectedResidueSeconds: expected} = answer
  if (expected === null) return `not known on ${label}`
  const how = id === undefined ? undefined : textsOf([{host, ids: [id]}])[id]?.because
  const outside = measuredOutside(answer)
  return [
    `${rangeWords(expected, 2)} s on ${label}`,
    ...(how === undefined ? [] : [how]),
    ...(outside === undefined ? [] : [`but measured as ${outside} s`]),
  ].join(' ')
}

/** What was measured, if it is not in the range by the rules. */
function measuredOutside(answer: Answer): string | undefined {
  const {measuredResidueSeconds: measured} = answer
  return measured !== null && isOutside(answer) ? rangeWords(measured, 3) : undefined
}

function callsBecause({host, label, result}: Party): string {
  const {expected} = result
  return expected?.calls === undefined
    ? `of ${stackTitle(host)} we have no rules to explain it by`
    : `on ${label} ${oneReason(expected.because)}`
}
