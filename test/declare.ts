/** What test files that may share a process declare their tests with, instead of ava's own function. */
import ava, {type Implementation} from 'ava'

export type Declare = (title: string, implementation: Implementation<[]>) => void
/** Hooks are missing because they would be those of all files in the process. */
export type Declarer = Declare & {skip: Declare}

/** The name of the file whose tests are being declared, if it shares this process. */
let sharing: string | undefined
const declared: (() => void)[] = []

const declarer = (own: Declare): Declare => {
  return (title, implementation) => {
    if (sharing === undefined) return own(title, implementation)
    const full = `${sharing.replaceAll('/', ' › ')} › ${title}`
    declared.push(() => own(full, implementation))
  }
}

export const test: Declarer & {serial: Declarer} = Object.assign(declarer(ava), {
  skip: declarer(ava.skip),
  serial: Object.assign(declarer(ava.serial), {skip: declarer(ava.serial.skip)}),
})

/**
 * Loads these test files into this process. Each title begins with the name of its file.
 * @param files what loads each, by its path from test/ without an extension
 */
export async function shareProcess(files: Record<string, () => Promise<unknown>>): Promise<void> {
  for (const [name, load] of Object.entries(files)) {
    sharing = name
    await load()
  }
  // Not while they load: AVA begins in the turn after the first declaration.
  for (const declare of declared) declare()
}
