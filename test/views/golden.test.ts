import {readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {goldenFolder, goldenOutputs} from './golden-outputs.ts'

const outputs = await goldenOutputs()

test('there is a golden file for each form of each document, and no other', (t) => {
  t.deepEqual(readdirSync(goldenFolder).sort(), Object.keys(outputs).sort())
})

for (const [name, text] of Object.entries(outputs)) {
  test(`${name} is as it was (npm run golden writes it; the commit says why)`, (t) => {
    t.is(text, readFileSync(join(goldenFolder, name), 'utf8'))
  })
}
