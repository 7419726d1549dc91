import {stripVTControlCharacters} from 'node:util'
import test from 'ava'
import {plainWatch} from '../../harness/feeds/watch.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForScreen, renderForTerminal} from '../../harness/render/terminal.ts'
import {freeView, watchView} from '../../harness/views/watch.ts'
import {watched, watchTitle} from './golden-outputs.ts'

const screen = {columns: 100, rows: 20}

function linesOn({columns, rows}: typeof screen, timeWaits: number, now = 101): string[] {
  const text = renderForScreen(watchView(watched(timeWaits), watchTitle, now), {columns, rows})
  return stripVTControlCharacters(text).split('\n')
}

test('a screen shows each socket, with its process and what is left to it now', (t) => {
  const lines = linesOn(screen, 1, 111.5)
  t.is(lines[0], 'Port 8088: 1 LISTEN, 1 TIME_WAIT')
  t.deepEqual(
    lines.slice(2, 5).map((line) => line.split(/ {2,}/)),
    [
      ['state', 'local', 'remote', 'gone in', 'process'],
      ['LISTEN', '127.0.0.1:8088', '-', '-', '4711 node server.js'],
      ['TIME_WAIT', '127.0.0.1:8088', '127.0.0.1:40000', '39 to 42 s', '-'],
    ],
  )
  t.is(lines.at(-1), '12 s, until a plain bind is granted; Ctrl-C ends')
})

test('a screen that is too small for all sockets gets a row per state, never more lines than it has', (t) => {
  for (let timeWaits = 0; timeWaits < 40; timeWaits++) {
    const lines = linesOn(screen, timeWaits)
    t.true(lines.length <= screen.rows, `${timeWaits}: ${lines.length} lines`)
  }
  t.true(linesOn(screen, 14).includes('TIME_WAIT  127.0.0.1:8088  127.0.0.1:40013  63 to 65 s  -'))
  t.deepEqual(linesOn(screen, 30).slice(2, 5), [
    'state      sockets  first gone in  last gone in',
    'LISTEN     1        -              -',
    'TIME_WAIT  30       50 to 52 s     79 to 81 s',
  ])
})

test('all sockets of a crowded port are drawn for a screen in a moment', (t) => {
  const before = process.cpuUsage()
  t.true(linesOn(screen, 50_000).some((line) => /^TIME_WAIT +50000 /.test(line)))
  const {user, system} = process.cpuUsage(before)
  t.true((user + system) / 1e6 < 1, `${(user + system) / 1e6} s of processor time`)
})

test('no line is wider than the screen', (t) => {
  for (let columns = 40; columns < 100; columns++) {
    const wide = linesOn({...screen, columns}, 3).filter(({length}) => length > columns)
    t.deepEqual(wide, [], `${columns}`)
  }
})

/** What a reading adds to output that is not a terminal. */
function plain(timeWaits: number): string[] {
  let text = ''
  const stream = {
    write(more: string) {
      text += more
      return true
    },
  }
  plainWatch(stream, watchTitle).reading(watched(timeWaits))
  return text.split('\n').slice(0, -1)
}

test('without a terminal each change is a line, and many of a kind are one', (t) => {
  t.deepEqual(plain(2), [
    '    1.0 s  LISTEN 127.0.0.1:8088, 4711 node server.js',
    '    1.0 s  TIME_WAIT 127.0.0.1:8088 - 127.0.0.1:40000, gone in 50 to 52 s',
    '    1.0 s  TIME_WAIT 127.0.0.1:8088 - 127.0.0.1:40001, gone in 51 to 53 s',
  ])
  t.deepEqual(plain(300).slice(1), ['    1.0 s  300 x TIME_WAIT'])
})

test('a long command is cut on a terminal, and nowhere else', (t) => {
  const reading = watched(0)
  const command = `node ${'x'.repeat(200)}`
  const sockets = reading.sockets.map((socket) => ({
    ...socket,
    holders: socket.holders.map((holder) => ({...holder, command})),
  }))
  const view = watchView({...reading, sockets}, watchTitle, 101)
  t.true(renderForTerminal(view, undefined).includes(`${command.slice(0, 80)}...`))
  t.true(renderAsMarkdown(view).includes(command))
})

test('a port that has come free is said in one line, and for how long it was watched', (t) => {
  t.is(
    stripVTControlCharacters(renderForTerminal(freeView(watchTitle, 160.5), 80)),
    'Port 8088 is free: a plain bind is granted.\nWatched for 60.5 s.\n',
  )
})
