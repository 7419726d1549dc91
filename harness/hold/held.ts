/** What the preload needs to know, as the environment variable has it. */
export interface Held {
  /** Of the Unix socket by which the listening one is passed on. */
  path: string
  port: number
  address: string
}

export const heldVariable = 'REBIND_HOLD'
