import {execFile} from 'node:child_process'
import {once} from 'node:events'
import {readFileSync, writeFileSync} from 'node:fs'
import {type AddressInfo, createServer} from 'node:net'
import {join} from 'node:path'
import test from 'ava'
import {refusalIn} from '../../harness/explain/messages.ts'
import {projectFolder, temporaryFolder} from '../commands/cli.ts'
import {missingProgram, needs, notLinux} from '../needs.ts'

const page = readFileSync(join(projectFolder, 'docs', 'eaddrinuse.md'), 'utf8')

interface Runtime {
  name: string
  problem: string | undefined
  /** A program that listens on this port of 127.0.0.1, or of all addresses, which is in use. */
  file: {name: string; text(port: number): string}
  commands(file: string): string[][]
  /** The messages that people see; the first group is what the page must have. */
  messages: RegExp[]
}

const runtimes: Runtime[] = [
  {
    name: 'Node, on one address',
    problem: undefined,
    file: {
      name: 'one.cjs',
      text: (port) => `require('node:net').createServer().listen(${port}, '127.0.0.1')`,
    },
    commands: (file) => [[process.execPath, file]],
    messages: [/^(Error: listen EADDRINUSE: .*)$/m],
  },
  {
    name: 'Node, on all addresses',
    problem: undefined,
    file: {name: 'all.cjs', text: (port) => `require('node:net').createServer().listen(${port})`},
    commands: (file) => [[process.execPath, file]],
    messages: [/^(Error: listen EADDRINUSE: .*)$/m],
  },
  {
    name: 'Python',
    problem: missingProgram('python3'),
    file: {
      name: 'server.py',
      text: (port) => `
import asyncio, socket, traceback
try:
    socket.socket().bind(('127.0.0.1', ${port}))
except OSError:
    traceback.print_exc()
async def main():
    await asyncio.start_server(lambda reader, writer: None, '127.0.0.1', ${port})
asyncio.run(main())
`,
    },
    commands: (file) => [['python3', file]],
    messages: [
      /^(OSError: \[Errno \d+\] Address already in use)$/m,
      // Newer versions put the system's number into what follows.
      /^(OSError: \[Errno \d+\] error while attempting to bind on address \(.*\)): /m,
    ],
  },
  {
    name: 'Go',
    problem: missingProgram('go'),
    file: {
      name: 'main.go',
      text: (port) => `package main

import ("fmt"; "net"; "os")

func main() {
  for _, address := range []string{"127.0.0.1:${port}", ":${port}"} {
    _, err := net.Listen("tcp", address)
    fmt.Fprintln(os.Stderr, err)
  }
}
`,
    },
    commands: (file) => [['go', 'run', file]],
    messages: [/^(listen tcp 127.*)$/m, /^(listen tcp :.*)$/m],
  },
  {
    name: 'Java',
    problem: missingProgram('java'),
    file: {
      name: 'Server.java',
      text: (port) => `import java.net.*;
class Server {
  public static void main(String[] options) throws Exception {
    new ServerSocket(${port}, 50, InetAddress.getByName("127.0.0.1"));
  }
}
`,
    },
    commands: (file) => [['java', '-XX:-UsePerfData', file]],
    messages: [/(java\.net\.BindException: .*)$/m],
  },
  {
    name: 'Rust',
    problem: missingProgram('rustc'),
    file: {
      name: 'server.rs',
      text: (port) => `fn main() {
    let error = std::net::TcpListener::bind("127.0.0.1:${port}").unwrap_err();
    eprintln!("{error}\\n{error:?}");
}
`,
    },
    commands: (file) => [['rustc', file, '-o', `${file}.program`], [`${file}.program`]],
    messages: [/^(Address already in use .*)$/m, /^(Os \{.*)$/m],
  },
  {
    name: 'Ruby',
    problem: missingProgram('ruby'),
    file: {
      name: 'server.rb',
      text: (port) => `require 'socket'\nTCPServer.new('127.0.0.1', ${port})\n`,
    },
    commands: (file) => [['ruby', file]],
    messages: [/(Address already in use - bind.*)$/m],
  },
  {
    name: 'PHP',
    problem: missingProgram('php'),
    file: {
      name: 'server.php',
      text: (port) => `<?php stream_socket_server('tcp://127.0.0.1:${port}');
passthru(PHP_BINARY . ' -S 127.0.0.1:${port} 2>&1');
`,
    },
    commands: (file) => [['php', '-d', 'display_errors=stderr', file]],
    messages: [/(stream_socket_server.*\)) in /m, /(Failed to listen on .*)$/m],
  },
  {
    name: 'nginx',
    problem: missingProgram('nginx'),
    file: {
      name: 'nginx.conf',
      text: (port) => `pid pid; error_log stderr; daemon off; events {}
http { access_log off; server { listen 127.0.0.1:${port}; } }
`,
    },
    commands: (file) => [['nginx', '-c', file, '-p', join(file, '..')]],
    messages: [/(bind\(\) to .*)$/m, /(still could not bind\(\))$/m],
  },
]

for (const {name, problem, file, commands, messages} of runtimes) {
  const onLinux = process.platform === 'linux' ? undefined : notLinux
  needs(problem ?? onLinux)(`the page has what ${name} says of a port in use`, async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const {port} = server.address() as AddressInfo
    const folder = temporaryFolder(t)
    const path = join(folder, file.name)
    writeFileSync(path, file.text(port))
    let output = ''
    for (const [program = '', ...options] of commands(path)) output += await said(program, options)
    server.close()
    for (const message of messages) {
      const [, text] = message.exec(output) ?? []
      t.truthy(text, `${message} is not in: ${output}`)
      if (/in use/i.test(text ?? '')) {
        const named = refusalIn(text ?? '')
        t.truthy(named, `not found by wrap: ${text}`)
        t.true(named?.port === port || text?.includes(String(port)) === false, text)
      }
      const shown = text?.replaceAll(String(port), '8080') ?? ''
      t.true(page.includes(shown), `the page does not have: ${shown}`)
    }
  })
}

test('every runtime of the page leads to a command', (t) => {
  const sections = page.split(/^## /m).slice(1)
  const names = ['Node', 'Python', 'Go', 'Java', 'Rust', 'Ruby', 'PHP', 'Docker', 'nginx']
  for (const name of names) {
    const section = sections.find((candidate) => candidate.startsWith(`${name}\n`)) ?? ''
    t.regex(section, /^ {4}(sudo )?rebind why 8080$/m, name)
  }
})

/** All that it prints until it ends, whatever its exit status. */
function said(program: string, options: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, options, (_, stdout, stderr) => {
      resolve(stdout + stderr)
    })
  })
}
