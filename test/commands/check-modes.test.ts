import {assertOptionsFit, type CheckMode} from '../../harness/commands/check-modes.ts'
import {UsageError} from '../../harness/errors.ts'
import {test} from '../declare.ts'

const doNothing: Record<CheckMode, string[]> = {
  restart: ['http', 'rate', 'idle', 'inFlight', 'triggerTimeout'],
  trigger: ['rounds', 'connections', 'hold', 'stop', 'stopTimeout'],
  attach: ['rounds', 'connections', 'hold', 'stop', 'stopTimeout', 'startTimeout', 'env'],
  activate: ['rounds', 'connections', 'hold'],
  twice: ['rounds', 'connections', 'hold', 'send', 'stop', 'limit', 'http', 'maxLost'],
  socket: ['port', 'host', 'send', 'limit', 'rounds', 'rate', 'maxWait'],
}
for (const [mode, names] of Object.entries(doNothing)) {
  test(`options that do nothing in a check by ${mode} are refused, with what they are for`, (t) => {
    for (const name of names) {
      const error = t.throws(() => assertOptionsFit(mode as CheckMode, (each) => each === name), {
        instanceOf: UsageError,
      })
      t.notRegex(error.message, /\n/)
      t.regex(error.message, mode === 'restart' ? / needs one of --/ : / it is for .*(--|restart)/)
    }
  })
}

test('options that do something are not, nor are those that every check takes', (t) => {
  const fits = (mode: CheckMode, ...names: string[]) =>
    t.notThrows(() => assertOptionsFit(mode, (each) => names.includes(each)))
  fits('restart', 'port', 'rounds', 'connections', 'send', 'stop', 'limit', 'maxOutage', 'env')
  fits('trigger', 'port', 'http', 'startTimeout', 'env', 'limit')
  fits('attach', 'port', 'http', 'cwd', 'maxLost', 'json', 'trigger')
  fits('activate', 'port', 'stop', 'stopTimeout', 'rate')
  fits('twice', 'host', 'startTimeout', 'env', 'cwd', 'out', 'verbose')
  fits('socket', 'stop', 'stopTimeout', 'startTimeout', 'env')
})
