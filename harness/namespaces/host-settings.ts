import type {Platform} from '../platforms/platform.ts'
import {launch} from '../processes/launch.ts'
import type {WrittenSettings} from '../processes/protocol.ts'
import {lockPort} from '../processes/settings-keeper.ts'
import {
  SettingsLeftChanged,
  type Surroundings,
  type SurroundingsListeners,
  SurroundingsUnavailable,
} from './surroundings.ts'
import {passEnvironment} from './ways.ts'

/**
 * Changes settings of the machine itself, as root, and changes them back when closed, or when the harness
 * ends in whatever way: a process of its own does both. Only for who has allowed it.
 * @throws SurroundingsUnavailable where that takes a password, or another run has changed settings
 */
export async function changeHostSettings(
  program: string,
  platform: Platform,
  settings: WrittenSettings,
  listeners: SurroundingsListeners,
): Promise<Surroundings> {
  const isRoot = process.getuid?.() === 0
  const through = isRoot ? (['env'] as const) : (['sudo', '-n', ...passEnvironment] as const)
  const keeper = await launch(program, 'settings-keeper', {}, {through}).catch((error: Error) => {
    throw new SurroundingsUnavailable(
      `only root can change kernel settings (${error.message.split('\n')[0]}); run sudo -v first`,
    )
  })
  listeners.onProcess(keeper)
  keeper.ended.then((ending) => listeners.onProcess(keeper, ending))
  const close = async () => {
    await keeper.request('exit', null).catch((error: Error) => {
      throw new SettingsLeftChanged(error.message)
    })
    await keeper.ended
  }
  try {
    if ((await keeper.request('set-host-settings', {settings})) === 'locked') {
      throw new SurroundingsUnavailable(
        `another run has changed kernel settings of this machine and has not restored them yet (it holds UDP port ${lockPort}); try again when it has ended`,
      )
    }
    return {settings: await platform.readSettings(), close}
  } catch (error) {
    await close()
    throw error
  }
}
