import assert from 'node:assert/strict'
import test from 'node:test'
import {checkSecondInstance} from 'rebind'

test('a second instance ends, and says why', async () => {
  const {safe, advice} = await checkSecondInstance({command: ['node', 'server.js'], port: 3000})
  assert(safe, advice.join('\n'))
})
