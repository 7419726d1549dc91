/** The program that `node --import rebind/explain` and `rebind wrap` ask what is in the way. */
import {writeSync} from 'node:fs'
import {type Explanation, type Question, tooLateStatus} from '../explain/ask.ts'
import {columnsOf} from '../render/wrap.ts'
import {briefWhyView, whyView} from '../views/why.ts'
import {explainRefusal} from '../why/explain-refusal.ts'

async function explain({refusal, seconds, document = false}: Question): Promise<void> {
  // It does not outlive by more than this whoever has asked.
  setTimeout(() => process.exit(tooLateStatus), seconds * 1000).unref()
  const answer = await explainRefusal(refusal)
  // What is written here is shown there, with the colours that are for there.
  process.stdout.isTTY = process.stderr.isTTY
  const {renderForTerminal} = await import('../render/terminal.ts')
  const width = columnsOf(process.stderr)
  const explanation: Explanation = {
    ...(document ? {answer} : {}),
    full: `${renderForTerminal(whyView(answer), width)}\n`,
    brief: `${renderForTerminal(briefWhyView(answer), width)}\n`,
  }
  // Who has asked may be gone, ended by a signal: test runners end their workers so.
  process.stdout.on('error', () => writeSync(2, explanation.brief))
  process.stdout.write(JSON.stringify(explanation))
}

// Its stderr is that of a program that has an error of its own.
process.on('uncaughtException', () => process.exit(1))
explain(JSON.parse(process.argv[2] ?? ''))
