import {writeFileSync} from 'node:fs'
import {join} from 'node:path'

/** Writes a scenario, `marked`, whose old server listens until there is a file of the given name. */
export function writeMarkedScenario(folder: string): {file: string; mark: string} {
  const [file, mark] = [join(folder, 'marked.mjs'), join(folder, 'mark')]
  writeFileSync(
    file,
    `import {existsSync} from 'node:fs'
    export default {
      title: 'Marked',
      claim: 'The old server listens until it is told otherwise.',
      predecessor: {opener: 'node'},
      successor: {opener: 'node'},
      async script({server, successor, seconds}) {
        await successor.start()
        while (!existsSync(${JSON.stringify(mark)})) await seconds(0.1)
        await server.exit()
      },
      residue: {server: 'LISTEN'},
    }`,
  )
  return {file, mark}
}
