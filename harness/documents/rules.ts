import * as z from 'zod'

/**
 * Ids are kebab-case, with the system before a slash where the rule is only that system's.
 * @internal
 */
export const ruleIdSchema = z
  .string()
  .max(100)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*(\/[a-z0-9]+(-[a-z0-9]+)*)?$/)

/** @internal */
export const ruleTextSchema = z.looseObject({
  because: z.string().describe('The condition of the operating system that decides'),
  source: z
    .string()
    .describe("Where it was read: file:function of the operating system's code, or a standard"),
})

/**
 * The texts of all rules that a document names by their ids; absent in documents of earlier releases.
 * @internal
 */
export const ruleTableSchema = z.record(ruleIdSchema, ruleTextSchema)

export type RuleTexts = z.infer<typeof ruleTableSchema>

/** The rules that an expectation rests on; none in a document of an earlier release. */
export interface ExpectedRules {
  rule?: string | undefined
  premises?: string[] | undefined
  release?: string | undefined
  effects?: string[] | undefined
  alternatives?: ExpectedRules[] | undefined
}

/** The ids of all of them. */
export function rulesNamedBy(expected: ExpectedRules | null): string[] {
  const {rule, release, premises = [], effects = [], alternatives = []} = expected ?? {}
  return [
    ...[rule, release, ...premises, ...effects].filter((id) => id !== undefined),
    ...alternatives.flatMap(rulesNamedBy),
  ]
}

/** The ids of all rules of a result, and of the known bug that explains it. */
export function rulesNamedIn({
  expected,
  bug,
}: {
  expected: ExpectedRules | null
  bug?: string | undefined
}): string[] {
  return [...rulesNamedBy(expected), ...(bug === undefined ? [] : [bug])]
}
