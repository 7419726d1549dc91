import type {NamespaceSpec} from '../scenario.ts'
import {changeHostSettings} from './host-settings.ts'
import {type Namespaces, openNamespaces} from './namespaces.ts'
import {
  type Surroundings,
  type SurroundingsListeners,
  type SurroundingsOptions,
  SurroundingsUnavailable,
} from './surroundings.ts'

/**
 * Makes what a scenario with kernel settings of its own runs in; rejected with SurroundingsUnavailable
 * where that is unavailable.
 */
export type OpenSurroundings = (
  spec: NamespaceSpec,
  listeners: SurroundingsListeners,
) => Promise<Surroundings>

export interface SurroundingsOpener extends Pick<Namespaces, 'openShared' | 'captureProblem'> {
  open: OpenSurroundings
  /** Ends the processes that they share; resolved when none is left. */
  close(): Promise<void>
}

export function surroundingsOpener(options: SurroundingsOptions): SurroundingsOpener {
  const {program, platform} = options
  const namespaces = openNamespaces(options)
  const open: OpenSurroundings = async (spec, listeners) => {
    const {onMacos} = spec
    if (platform.stack !== 'darwin') return namespaces.open(spec, listeners)
    if (onMacos === undefined) {
      throw new SurroundingsUnavailable('needs a private network namespace; run it on Linux')
    }
    if (!changesHostSettings(spec, options)) {
      const names = Object.keys(onMacos).join(', ')
      throw new SurroundingsUnavailable(
        `needs a different ${names}; --allow-host-settings changes it temporarily (as root) and restores it`,
      )
    }
    return changeHostSettings(program, platform, onMacos, listeners)
  }
  return {...namespaces, open}
}

/** Whether a scenario is to change settings of the machine itself: no other may run at that time. */
export function changesHostSettings(
  spec: NamespaceSpec | undefined,
  {platform, allowHostSettings}: Pick<SurroundingsOptions, 'platform' | 'allowHostSettings'>,
): boolean {
  return allowHostSettings && platform.stack === 'darwin' && spec?.onMacos !== undefined
}
