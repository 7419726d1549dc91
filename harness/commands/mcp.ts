import {once} from 'node:events'
import {createRequire} from 'node:module'
import {join} from 'node:path'
import {exitStatus, UsageError} from '../errors.ts'
import {type CheckedCommand, type Tool, toolsFor} from '../feeds/mcp-tools.ts'
import {version} from '../version.ts'
import {listenForInterruption} from './interruption.ts'

export interface McpOptions {
  check?: boolean
  port?: number
  host: string
}

const sdk = '@modelcontextprotocol/sdk'

type Sdk = typeof import('@modelcontextprotocol/sdk/server/index.js') &
  typeof import('@modelcontextprotocol/sdk/server/stdio.js') &
  typeof import('@modelcontextprotocol/sdk/types.js')

/** `rebind mcp [--check -- COMMAND]`: tools for agents, by the Model Context Protocol on stdin and stdout. */
export async function mcp(command: string[], {check, port, host}: McpOptions): Promise<number> {
  const checked = checkedCommand(command, {check, port, host})
  const {Server, StdioServerTransport, ListToolsRequestSchema, CallToolRequestSchema} = loadSdk()
  const tools = toolsFor(checked)
  const server = new Server({name: 'rebind', version}, {capabilities: {tools: {}}})
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({call: _, ...described}) => described),
  }))
  const interruption = listenForInterruption()
  const ended = AbortSignal.any([interruption.signal, stdinEnds()])
  server.setRequestHandler(CallToolRequestSchema, ({params}, {signal}) =>
    answer(tools, params, AbortSignal.any([signal, ended])),
  )
  await server.connect(new StdioServerTransport())
  if (!ended.aborted) await once(ended, 'abort')
  await server.close()
  const status = interruption.exitStatus() ?? exitStatus.asExpected
  interruption.dispose()
  return status
}

function checkedCommand(
  command: string[],
  {
    check = false,
    port,
    host,
  }: {check?: boolean | undefined; port?: number | undefined; host: string},
): CheckedCommand | undefined {
  if (check && command.length === 0) {
    throw new UsageError('--check needs a command: rebind mcp --check -- node server.js')
  }
  if (!check && (command.length > 0 || port !== undefined)) {
    throw new UsageError('a command is only for --check: rebind mcp --check -- node server.js')
  }
  return check ? {command, port, address: host} : undefined
}

/** A client that goes away closes stdin. */
function stdinEnds(): AbortSignal {
  const controller = new AbortController()
  for (const event of ['end', 'close']) process.stdin.once(event, () => controller.abort())
  return controller.signal
}

interface Called {
  name: string
  arguments?: Record<string, unknown> | undefined
}

/** What goes wrong is the tool's answer, so that the model reads it. */
async function answer(tools: readonly Tool[], called: Called, signal: AbortSignal) {
  const tool = tools.find(({name}) => name === called.name)
  try {
    if (tool === undefined) throw new UsageError(`there is no tool ${called.name}`)
    const {text, document} = await tool.call(called.arguments ?? {}, signal)
    const plain = JSON.parse(JSON.stringify(document)) as Record<string, unknown>
    return {content: [{type: 'text' as const, text}], structuredContent: plain}
  } catch (error) {
    const {message} = error as Error
    return {content: [{type: 'text' as const, text: message}], isError: true}
  }
}

/** The one that is installed beside this package, or else that of the folder in which it is started. */
function loadSdk(): Sdk {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    const require = createRequire(from)
    try {
      const parts = ['server/index.js', 'server/stdio.js', 'types.js']
      return Object.assign({}, ...parts.map((part) => require(`${sdk}/${part}`))) as Sdk
    } catch (error) {
      const {code} = error as NodeJS.ErrnoException
      if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error
    }
  }
  throw new UsageError(
    `rebind mcp needs ${sdk}, which is not installed: npm install --save-dev ${sdk}, or npx -p rebind -p ${sdk} rebind mcp`,
  )
}
