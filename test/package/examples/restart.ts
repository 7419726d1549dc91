import test from 'ava'
import {checkRestart} from 'rebind'

test('the server gets its port back when it is restarted', async (t) => {
  const {safe, advice} = await checkRestart({command: ['node', 'server.js'], port: 3000})
  t.true(safe, advice.join('\n'))
})
