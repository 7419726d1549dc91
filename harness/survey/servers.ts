import type {StopSignal} from '../documents/check-schema.ts'

/** Where one server of the survey runs. */
export interface Place {
  port: number
  /** A temporary folder of its own, with its files in it. Nobody else may enter it. */
  folder: string
  /** A random word that nobody else knows. No argument may contain it: everybody can read command lines. */
  secret: string
}

/**
 * Every local user can connect to a port on loopback. This is what stops those who do from reading, writing or
 * running anything. For each kind, and each server that asks who you are, test/survey/attack.test.ts has an attacker.
 */
export type Defence =
  /** It drops what it receives, or prints it for our log, and sends nothing. */
  | {kind: 'sends-nothing'}
  /** It sends back what it received. */
  | {kind: 'echoes'}
  /** It has the same answer for every request, and no body in it. */
  | {kind: 'empty-answer'}
  /** It serves files, but of a folder in which there are none and in which nobody may write. */
  | {kind: 'empty-folder'; folder: string}
  /** It refuses every login, or every one without the place's secret. */
  | {kind: 'no-login'}

/** One server of the survey: a minimal program or configuration, as its manual begins with. */
export interface SurveyServer {
  id: string
  title: string
  /** The programs it needs, the server itself first. */
  needs: readonly [string, ...string[]]
  version: {args: readonly string[]; pattern: RegExp}
  /** Readable by the server's user only. */
  files?: Readonly<Record<string, string | ((place: Place) => string)>>
  /** Commands to be run in its folder before, e.g. a compiler. */
  prepare?: (place: Place) => readonly (readonly string[])[]
  command: (place: Place) => readonly string[]
  /** Packages from the npm registry that it needs, with their versions; they are installed into its folder. */
  npm?: readonly string[]
  /** How it is made to restart by itself; absent for one that is stopped and started. */
  trigger?: (place: Place) => readonly string[]
  /** Why it never has to restart. */
  needless?: string
  /** Variables that it, and what makes it restart, get in addition to its port. */
  env?: (place: Place) => Readonly<Record<string, string>>
  /** SIGTERM, unless another signal is what supervisors stop it by. */
  stop?: StopSignal
  defence: Defence
}

const nodeServer = `import {createServer} from 'node:net'
createServer((socket) => socket.on('error', () => {}).resume()).listen(process.env.PORT, '127.0.0.1')
`

const bunServer = `Bun.listen({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  socket: {data() {}},
})
`

const denoServer = `const listener = Deno.listen({hostname: '127.0.0.1', port: Number(Deno.args[0])})
for await (const connection of listener) connection.readable.pipeTo(new WritableStream()).catch(() => {})
`

const pythonRaw = `import os, socket, threading

def serve(connection):
    try:
        while connection.recv(4096):
            pass
    except OSError:
        pass
    connection.close()

server = socket.socket()
server.bind(('127.0.0.1', int(os.environ['PORT'])))
server.listen()
while True:
    connection, _ = server.accept()
    threading.Thread(target=serve, args=[connection], daemon=True).start()
`

const pythonSocketserver = `import os, socketserver

class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while self.request.recv(4096):
                pass
        except OSError:
            pass

socketserver.TCPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()
`

const rubyServer = `require 'socket'
server = TCPServer.new('127.0.0.1', Integer(ENV['PORT']))
loop do
  Thread.new(server.accept) do |socket|
    begin
      socket.readpartial(4096) while true
    rescue SystemCallError, IOError
      socket.close
    end
  end
end
`

const perlServer = `use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ENV{PORT}, Listen => 5)
  or die "cannot listen: $@\\n";
while (my $client = $server->accept) {
  1 while sysread($client, my $data, 4096);
  close $client;
}
`

const javaServer = `import java.net.*;

public class Server {
  public static void main(String[] args) throws Exception {
    var address = InetAddress.getByName("127.0.0.1");
    try (var server = new ServerSocket(Integer.parseInt(args[0]), 50, address)) {
      while (true) {
        var socket = server.accept();
        new Thread(() -> {
          try (socket) {
            while (socket.getInputStream().read() >= 0) {}
          } catch (java.io.IOException ignored) {}
        }).start();
      }
    }
  }
}
`

const goServer = `package main

import (
	"io"
	"log"
	"net"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			continue
		}
		go func() {
			io.Copy(io.Discard, connection)
			connection.Close()
		}()
	}
}
`

export const nginxConfiguration = `daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:PORT;
    location / { return 204; }
  }
}
`

/** protected-mode would let local users in. */
const redisConfiguration = ({port, secret}: Place) => `bind 127.0.0.1
port ${port}
save ""
requirepass ${secret}
`

const sendsNothing = {kind: 'sends-nothing'} as const
const webRoot = 'www'

const pythonVersion = {args: ['--version'], pattern: /Python (\S+)/}
const socatVersion = {args: ['-V'], pattern: /socat version (\S+)/}

/** In a file, `127.0.0.1:PORT` gets the port; it is given to `command`, and in the environment always. */
export const surveyServers: readonly SurveyServer[] = [
  {
    id: 'node',
    title: 'Node net.Server',
    needs: ['node'],
    version: {args: ['--version'], pattern: /v(\S+)/},
    files: {'server.mjs': nodeServer},
    command: () => ['node', 'server.mjs'],
    defence: sendsNothing,
  },
  {
    id: 'bun',
    title: 'Bun Bun.listen',
    needs: ['bun'],
    version: {args: ['--version'], pattern: /(\S+)/},
    files: {'server.ts': bunServer},
    command: () => ['bun', 'server.ts'],
    defence: sendsNothing,
  },
  {
    id: 'deno',
    title: 'Deno Deno.listen',
    needs: ['deno'],
    version: {args: ['--version'], pattern: /deno (\S+)/},
    files: {'server.ts': denoServer},
    command: ({port}) => ['deno', 'run', '--allow-net', 'server.ts', String(port)],
    defence: sendsNothing,
  },
  {
    id: 'python3-raw',
    title: 'Python socket',
    needs: ['python3'],
    version: pythonVersion,
    files: {'server.py': pythonRaw},
    command: () => ['python3', 'server.py'],
    defence: sendsNothing,
  },
  {
    id: 'python3-socketserver',
    title: 'Python socketserver',
    needs: ['python3'],
    version: pythonVersion,
    files: {'server.py': pythonSocketserver},
    command: () => ['python3', 'server.py'],
    defence: sendsNothing,
  },
  {
    id: 'python3-http',
    title: 'Python http.server',
    needs: ['python3'],
    version: pythonVersion,
    command: ({port}) => [
      ...['python3', '-m', 'http.server', '--directory', webRoot],
      ...['--bind', '127.0.0.1', String(port)],
    ],
    defence: {kind: 'empty-folder', folder: webRoot},
  },
  {
    id: 'ruby',
    title: 'Ruby TCPServer',
    needs: ['ruby'],
    version: {args: ['--version'], pattern: /ruby (\S+)/},
    files: {'server.rb': rubyServer},
    command: () => ['ruby', 'server.rb'],
    defence: sendsNothing,
  },
  {
    id: 'php',
    title: 'php -S',
    needs: ['php'],
    version: {args: ['--version'], pattern: /PHP (\S+)/},
    // Without php.ini, and without files for what a request uploads.
    command: ({port}) => [
      ...['php', '-n', '-d', 'file_uploads=0', '-S', `127.0.0.1:${port}`, '-t', webRoot],
    ],
    defence: {kind: 'empty-folder', folder: webRoot},
  },
  {
    id: 'perl',
    title: 'Perl IO::Socket::INET',
    needs: ['perl'],
    version: {args: ['-e', 'print $^V'], pattern: /v(\S+)/},
    files: {'server.pl': perlServer},
    command: () => ['perl', 'server.pl'],
    defence: sendsNothing,
  },
  {
    id: 'java',
    title: 'Java ServerSocket',
    needs: ['java', 'javac'],
    version: {args: ['-version'], pattern: /version "([^"]+)"/},
    files: {'Server.java': javaServer},
    prepare: () => [['javac', '-J-XX:-UsePerfData', 'Server.java']],
    command: ({port}) => ['java', '-XX:-UsePerfData', '-cp', '.', 'Server', String(port)],
    defence: sendsNothing,
  },
  {
    id: 'go',
    title: 'Go net.Listen',
    needs: ['go'],
    version: {args: ['version'], pattern: /go(\d\S*)/},
    files: {'main.go': goServer},
    prepare: () => [['go', 'build', '-o', 'server', 'main.go']],
    command: () => ['./server'],
    defence: sendsNothing,
  },
  {
    id: 'nc',
    title: 'nc -l',
    needs: ['nc'],
    version: {args: ['-h'], pattern: /patchlevel ([^)\s]+)/},
    command: ({port}) => ['nc', '-l', '127.0.0.1', String(port)],
    defence: sendsNothing,
  },
  {
    id: 'ncat',
    title: 'ncat -lk',
    needs: ['ncat'],
    version: {args: ['--version'], pattern: /Version (\S+)/},
    command: ({port}) => ['ncat', '-l', '-k', '127.0.0.1', String(port)],
    defence: sendsNothing,
  },
  {
    id: 'socat',
    title: 'socat TCP-LISTEN',
    needs: ['socat'],
    version: socatVersion,
    command: ({port}) => ['socat', `TCP-LISTEN:${port},bind=127.0.0.1`, 'PIPE'],
    defence: {kind: 'echoes'},
  },
  {
    id: 'socat-reuseaddr',
    title: 'socat TCP-LISTEN,reuseaddr',
    needs: ['socat'],
    version: socatVersion,
    command: ({port}) => ['socat', `TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr`, 'PIPE'],
    defence: {kind: 'echoes'},
  },
  {
    id: 'redis',
    title: 'Redis',
    needs: ['redis-server'],
    version: {args: ['--version'], pattern: /v=(\S+)/},
    files: {'redis.conf': redisConfiguration},
    command: () => ['redis-server', 'redis.conf'],
    defence: {kind: 'no-login'},
  },
  {
    id: 'nginx',
    title: 'nginx',
    needs: ['nginx'],
    version: {args: ['-v'], pattern: /nginx\/(\S+)/},
    files: {'nginx.conf': nginxConfiguration},
    command: ({folder}) => ['nginx', '-p', folder, '-e', 'stderr', '-c', 'nginx.conf'],
    defence: {kind: 'empty-answer'},
  },
  {
    id: 'memcached',
    title: 'memcached',
    needs: ['memcached'],
    version: {args: ['-V'], pattern: /memcached (\S+)/},
    files: {users: ({secret}) => `rebind:${secret}\n`},
    command: ({port}) => [
      ...['memcached', '-l', '127.0.0.1', '-p', String(port), '-U', '0', '-Y', 'users'],
    ],
    defence: {kind: 'no-login'},
  },
  {
    id: 'postgres',
    title: 'PostgreSQL',
    needs: ['postgres', 'initdb'],
    version: {args: ['--version'], pattern: /PostgreSQL\) (\S+)/},
    // A superuser may run programs (COPY ... FROM PROGRAM), so nobody logs in: neither by TCP nor by a local socket.
    prepare: ({folder}) => [
      ['initdb', '-D', `${folder}/data`, '-A', 'reject', '-N', '-U', 'rebind'],
    ],
    command: ({port, folder}) => [
      ...['postgres', '-D', `${folder}/data`, '-h', '127.0.0.1', '-p', String(port), '-k', ''],
    ],
    // SIGTERM would wait for all clients to leave ("smart shutdown"); supervisors send SIGINT.
    stop: 'SIGINT',
    defence: {kind: 'no-login'},
  },
]
