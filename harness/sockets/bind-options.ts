/** The socket options that decide whether a bind is granted; `both` is SO_REUSEADDR with SO_REUSEPORT. */
export const bindOptions = ['none', 'reuseaddr', 'reuseport', 'both'] as const

export type BindOption = (typeof bindOptions)[number]

/** As sentences name them. */
export const optionNames: Readonly<Record<BindOption, string>> = {
  none: 'no option',
  reuseaddr: 'SO_REUSEADDR',
  reuseport: 'SO_REUSEPORT',
  both: 'SO_REUSEADDR and SO_REUSEPORT',
}

export interface BindFlags {
  reuseaddr: boolean
  reuseport: boolean
}

export function bindFlags(bind: BindOption): BindFlags {
  return {
    reuseaddr: bind === 'reuseaddr' || bind === 'both',
    reuseport: bind === 'reuseport' || bind === 'both',
  }
}

export function bindOptionOf({reuseaddr, reuseport}: BindFlags): BindOption {
  if (reuseaddr) return reuseport ? 'both' : 'reuseaddr'
  return reuseport ? 'reuseport' : 'none'
}
