import {createServer} from 'node:http'
import {explainListenError} from 'rebind'

const server = createServer()
server.on('error', async (error) => {
  const {causes, advice} = await explainListenError(error)
  process.stderr.write([...causes, ...advice].map(({text}) => `${text}\n`).join(''))
  process.exitCode = 1
})
server.listen(3000)
