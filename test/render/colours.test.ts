import {coloursFor} from '../../harness/render/colours.ts'
import {test} from '../declare.ts'

const cases: [isTTY: boolean, env: Record<string, string>, coloured: boolean][] = [
  [true, {}, true],
  [false, {}, false],
  [true, {NO_COLOR: '1'}, false],
  [true, {NO_COLOR: ''}, true],
  [true, {TERM: 'dumb'}, false],
  [false, {CI: 'true'}, false],
  [false, {FORCE_COLOR: '1'}, true],
  [false, {FORCE_COLOR: ''}, true],
  [true, {FORCE_COLOR: '0'}, false],
  [false, {FORCE_COLOR: '1', NO_COLOR: '1'}, true],
]
for (const [isTTY, env, coloured] of cases) {
  test(`on ${isTTY ? 'a terminal' : 'a pipe'} ${JSON.stringify(env)} means ${coloured ? 'colours' : 'none'}`, (t) => {
    t.is(coloursFor({isTTY}, env).isColorSupported, coloured)
  })
}
