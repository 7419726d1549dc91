/**
 * Whether a value that came over the channel is what it should be. By hand and not by a schema library:
 * every process of a scenario would load that, which takes longer than all else that it does at its start.
 */
export type Shape<T> = (value: unknown) => value is T

/** What a shape lets pass. */
export type Of<S> = S extends Shape<infer T> ? T : never

/** A field that may be missing. */
type Optional<T> = Shape<T> & {readonly optional: true}

// biome-ignore lint/suspicious/noExplicitAny: a shape of whatever it is
type AnyShapes = Readonly<Record<string, Shape<any>>>

/** An object with these fields. */
type Fields<S extends AnyShapes> = Flat<
  {
    [Name in keyof S as S[Name] extends {optional: true} ? never : Name]: Of<S[Name]>
  } & {
    [Name in keyof S as S[Name] extends {optional: true} ? Name : never]?: Of<S[Name]>
  }
>
type Flat<T> = {-readonly [Name in keyof T]: T[Name]}

export const text = (value: unknown): value is string => typeof value === 'string'
export const flag = (value: unknown): value is boolean => typeof value === 'boolean'
export const nothing = (value: unknown): value is null => value === null
/** JSON has neither NaN nor Infinity. */
export const number = (value: unknown): value is number => Number.isFinite(value)
export const count = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0
export const pid = (value: unknown): value is number => count(value) && value > 0
/** 0: any port. */
export const port = (value: unknown): value is number => count(value) && value <= 65_535

export function oneOf<const T extends string>(...words: readonly T[]): Shape<T> {
  return (value): value is T => (words as readonly unknown[]).includes(value)
}

export function either<A, B>(first: Shape<A>, second: Shape<B>): Shape<A | B> {
  return (value): value is A | B => first(value) || second(value)
}

export function list<T>(item: Shape<T>): Shape<T[]> {
  return (value): value is T[] => Array.isArray(value) && value.every(item)
}

export function optional<T>(shape: Shape<T>): Optional<T> {
  return Object.assign((value: unknown): value is T => shape(value), {optional: true} as const)
}

/** An object with these fields, and no other. */
export function fields<const S extends AnyShapes>(shapes: S): Shape<Fields<S>> {
  const known = Object.entries<Shape<unknown> & {optional?: true}>(shapes)
  return (value): value is Fields<S> => {
    if (!isPlainObject(value)) return false
    let found = 0
    for (const [name, shape] of known) {
      if (!Object.hasOwn(value, name)) {
        if (shape.optional !== true) return false
      } else if (shape(value[name])) found++
      else return false
    }
    return Object.keys(value).length === found
  }
}

/** An object whose names and values are all of one kind. */
export function table<T>(
  name: (text: string) => boolean,
  item: Shape<T>,
): Shape<Record<string, T>> {
  return (value): value is Record<string, T> =>
    isPlainObject(value) && Object.entries(value).every(([key, each]) => name(key) && item(each))
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
