import type {Result, ServerReport} from '../documents/report-schema.ts'
import type {BindQuestion} from '../platforms/platform.ts'
import {clientHost} from '../sockets/address.ts'

/**
 * What a result may ask a platform's rules. No report says whether what was left is the client's connection from
 * the server's port, so that there are two: that it is not, and that it is.
 */
export function bindQuestions({
  expected,
  predecessor,
  successor,
  client,
}: Pick<Result, 'expected' | 'predecessor' | 'successor' | 'client'>): BindQuestion[] {
  if (expected === null) return []
  const {residue} = expected
  const address = clientHost(predecessor.address)
  const socket = {bind: client?.bind ?? ('autobind' as const), address}
  return [
    {residue, predecessor, successor, ...otherUserOf(predecessor)},
    {residue, predecessor: socket, successor, outgoing: true},
  ]
}

export function otherUserOf({otherUser}: ServerReport): Pick<BindQuestion, 'otherUser'> {
  return otherUser === undefined ? {} : {otherUser}
}

/** The address of a report may be none that the rules know. */
export function ruleOf<Rule>(ask: () => Rule): Rule | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}
