/**
 * Another local user on loopback, who speaks to the servers of `survey` with bytes of their own. Each attacker
 * throws what it could do.
 */
import {lstatSync, readdirSync} from 'node:fs'
import {connect, type Socket} from 'node:net'
import {userInfo} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import type {Defence, Place, SurveyServer} from '../../harness/survey/servers.ts'

interface Target {
  server: SurveyServer
  place: Place
  /** A connection as soon as the server listens: some have only one to give. */
  connect(): Promise<Socket>
}

type Attacker = (target: Target) => Promise<void>

/** What an attack found must not be answered, or not so. */
class Success extends Error {}

const answerWithinMilliseconds = 20_000
/** What these servers send they send at once; a server that says nothing is given this long. */
const silenceMilliseconds = 300
const retryMilliseconds = 10

/** Connects to a server that is being started. */
export async function connectTo(port: number, isRunning: () => boolean): Promise<Socket> {
  for (;;) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect({host: '127.0.0.1', port, allowHalfOpen: true})
        socket.once('connect', () => resolve(socket)).once('error', reject)
      })
    } catch (error) {
      if (!isRunning()) throw error
      await delay(retryMilliseconds)
    }
  }
}

/** Sends bytes and returns what has come back when it is enough, or the server closes. */
function exchange(
  socket: Socket,
  bytes: Buffer | string,
  {enough = () => false, silence = answerWithinMilliseconds, hangUp = false}: ExchangeOptions = {},
): Promise<Buffer> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0)
    const done = () => {
      clearTimeout(patience)
      socket.removeAllListeners('data')
      resolve(received)
    }
    const patience = setTimeout(done, silence)
    // A reset ends it as well as a FIN does.
    socket.on('error', done).once('end', done).once('close', done)
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data])
      if (enough(received.toString('latin1'))) done()
    })
    socket.write(bytes)
    if (hangUp) socket.end()
  })
}

interface ExchangeOptions {
  enough?: (received: string) => boolean
  /** When to take it that nothing more comes. */
  silence?: number
  hangUp?: boolean
}

/** Something that most programs would answer, or do. */
const provocations = [
  'GET /../../../../etc/passwd HTTP/1.0\r\n\r\n',
  'stats\r\nPING\r\nHELP\r\n',
  '\nid\nimport os; os.system("id")\nputs `id`\n',
].join('')

const sendsNothing: Attacker = async ({server, connect}) => {
  const received = await exchange(await connect(), provocations, {silence: silenceMilliseconds})
  if (received.length > 0) throw new Success(`${server.id} sent ${received}`)
}

const echoes: Attacker = async ({server, connect}) => {
  const enough = (text: string) => text.length >= provocations.length
  const received = await exchange(await connect(), provocations, {enough})
  if (received.toString() !== provocations) throw new Success(`${server.id} sent ${received}`)
}

/** A file beside what is served, that the test puts there, and what is in it. */
export const canaryName = 'canary'
export const canary = 'what only its user may read'

/** Ways out of a folder, into the configuration, and to have something written or run. */
const requests = [
  ...['/', '/../', '/%2e%2e/', '/..%2f', '//', '/./', '/.%00/', '/%5c..%5c'].flatMap((way) => [
    `GET ${way} HTTP/1.0\r\n\r\n`,
    `GET ${way}${canaryName} HTTP/1.0\r\n\r\n`,
    `GET ${way.repeat(6)}etc/passwd HTTP/1.0\r\n\r\n`,
  ]),
  'GET /etc/passwd HTTP/1.0\r\n\r\n',
  'GET file:///etc/passwd HTTP/1.0\r\n\r\n',
  'GET http://127.0.0.1/etc/passwd HTTP/1.0\r\n\r\n',
  ...['PUT /planted.php', 'POST /planted.php', 'POST /cgi-bin/planted', 'MKCOL /planted'].map(
    (line) =>
      `${line} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 15\r\n\r\n<?php exec(id);`,
  ),
  'POST / HTTP/1.0\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 91\r\n\r\n' +
    '--x\r\nContent-Disposition: form-data; name="f"; filename="planted.php"\r\n\r\n<?php 1;\r\n--x--\r\n\r\n',
  'DELETE / HTTP/1.0\r\n\r\n',
]

async function ask(target: Target, bodies: 'none' | 'empty-listing'): Promise<void> {
  const {place, server} = target
  const before = treeOf(place.folder)
  for (const request of requests) {
    const socket = await target.connect()
    const answer = (await exchange(socket, request)).toString('latin1')
    socket.destroy()
    const asked = JSON.stringify(request)
    if (answer.includes(canary) || /^root:/m.test(answer)) {
      throw new Success(`${server.id} served a file for ${asked}`)
    }
    const succeeded = /^HTTP\/1\.\d 2/.test(answer)
    const body = answer.split('\r\n\r\n').slice(1).join('\r\n\r\n')
    if (succeeded && (bodies === 'none' ? body !== '' : /<li>|href/i.test(body))) {
      throw new Success(`${server.id} answered ${asked} with ${body}`)
    }
    if (succeeded && bodies !== 'none' && !request.startsWith('GET')) {
      throw new Success(`${server.id} did ${asked}`)
    }
  }
  const own = ownFiles[server.id]
  const written = treeOf(place.folder).filter(
    (file) => !before.includes(file) && own?.test(file) !== true,
  )
  if (written.length > 0) throw new Success(`${server.id} has written: ${written}`)
}

/** What these keep beside their server, by themselves. */
const ownFiles: Readonly<Record<string, RegExp>> = {
  vite: /^node_modules( |\/\.vite)/,
  'pm2-reload': /^((pids|logs)\b|(pm2|modules|module_conf|dump|rpc|pub|touch|agent|reload)\b)/,
}

const emptyFolder: Attacker = async (target) => {
  const {defence} = target.server
  if (defence.kind !== 'empty-folder') throw new Error('serves no folder')
  const folder = join(target.place.folder, defence.folder)
  if ((lstatSync(folder).mode & 0o777) !== 0o500) throw new Success(`${folder} can be written to`)
  await ask(target, 'empty-listing')
  if (readdirSync(folder).length > 0) throw new Success(`${folder} is not empty`)
}

/** Paths, sizes and times of all below. */
function treeOf(folder: string): string[] {
  return readdirSync(folder, {recursive: true, encoding: 'utf8'})
    .sort()
    .map((name) => {
      const {size, mtimeMs} = lstatSync(join(folder, name))
      return `${name} ${size} ${mtimeMs}`
    })
}

const redis: Attacker = async ({connect}) => {
  const commands = [
    ...['PING', 'INFO', 'KEYS *', 'SET planted 1', 'CONFIG GET requirepass', 'CONFIG SET dir /tmp'],
    ...['EVAL return(1) 0', 'REPLICAOF 127.0.0.1 1', 'MODULE LIST', 'ACL LIST', 'SHUTDOWN'],
    ...['AUTH redis', 'AUTH default redis', 'AUTH foobared', 'HELLO 3 AUTH default foobared'],
  ]
  const lines = (text: string) => text.split('\r\n').slice(0, -1)
  const received = await exchange(await connect(), `${commands.join('\r\n')}\r\n`, {
    enough: (text) => lines(text).length >= commands.length,
  })
  const answers = lines(received.toString())
  for (const [index, command] of commands.entries()) {
    const answer = answers[index] ?? 'no answer'
    if (!/^-(NOAUTH|WRONGPASS) /.test(answer)) throw new Success(`${command}: ${answer}`)
  }
}

const memcached: Attacker = async ({connect}) => {
  const commands = [
    'get key',
    'stats',
    'version',
    'flush_all',
    'mn',
    'mg key v',
    'cache_memlimit 1',
  ]
  const logins = ['rebind rebind', 'memcached memcached'].map(
    (login) => `set auth 0 0 ${login.length}\r\n${login}`,
  )
  for (const command of [...commands, ...logins]) {
    const socket = await connect()
    const received = await exchange(socket, `${command}\r\n`, {
      enough: (text) => text.endsWith('\r\n'),
    })
    socket.destroy()
    if (!/^CLIENT_ERROR (unauthenticated|authentication failure)\r\n$/.test(received.toString())) {
      throw new Success(`${command}: ${received}`)
    }
  }
  // The binary protocol's `get`, which would begin the answer with 0x81.
  const binary = Buffer.concat([
    Buffer.from([0x80, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3]),
    Buffer.alloc(15),
  ])
  const socket = await connect()
  const received = await exchange(socket, binary, {silence: silenceMilliseconds})
  socket.destroy()
  if (received[0] === 0x81) throw new Success(`binary: ${received.toString('hex')}`)
}

/** SQLSTATE of what it says while it starts up, and of a refused login. */
const [startingUp, invalidAuthorization] = ['57P03', '28000']

const postgres: Attacker = async ({connect, place}) => {
  const logIn = async (parameters: Record<string, string>): Promise<string[]> => {
    const text = `${Object.entries(parameters).flat().join('\0')}\0\0`
    const startup = Buffer.alloc(8)
    startup.writeInt32BE(8 + text.length)
    startup.writeInt32BE(3 << 16, 4)
    const socket = await connect()
    const received = await exchange(socket, Buffer.concat([startup, Buffer.from(text)]))
    socket.destroy()
    const fields = received.toString('latin1').split('\0')
    return fields.includes(`C${startingUp}`) ? logIn(parameters) : fields
  }
  const roles = ['rebind', 'postgres', 'root', 'nobody', userInfo().username]
  for (const user of roles) {
    for (const database of ['postgres', 'template1', user]) {
      for (const replication of ['false', 'true']) {
        const fields = await logIn({user, database, replication})
        if (fields[0]?.startsWith('E') && fields.includes(`C${invalidAuthorization}`)) continue
        throw new Success(`${user} in ${database}, replication ${replication}: ${fields}`)
      }
    }
  }
  const {port, folder} = place
  for (const path of [folder, join(folder, 'data'), '/tmp', '/var/run/postgresql']) {
    const has = readdirOrNothing(path).includes(`.s.PGSQL.${port}`)
    if (has) throw new Success(`there is a local socket in ${path}`)
  }
}

function readdirOrNothing(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

const attackers: Record<Exclude<Defence['kind'], 'no-login'>, Attacker> = {
  'sends-nothing': sendsNothing,
  echoes,
  'empty-answer': (target) => ask(target, 'none'),
  'empty-folder': emptyFolder,
}

/** By the id of the server that they log in to. */
const logins: Readonly<Record<string, Attacker>> = {redis, memcached, postgres}

export function attackerOf({id, defence}: SurveyServer): Attacker | undefined {
  return defence.kind === 'no-login' ? logins[id] : attackers[defence.kind]
}
