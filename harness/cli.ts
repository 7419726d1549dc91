#!/usr/bin/env node
import {CommanderError} from 'commander'
import {commandLine} from './commands/command-line.ts'
import {keepIgnoringHangup} from './commands/interruption.ts'
import {proveRoomForFiles} from './commands/room-for-files.ts'
import {exitStatus, UsageError} from './errors.ts'
import {offerToEndOrphans} from './processes/orphans.ts'
import {printable} from './text.ts'

// Node's own status for a fault of ours, 1, would say that something observed differs.
process.on('uncaughtException', (error) => {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`rebind: internal error: ${printable(message)}\n`)
  process.exit(exitStatus.failed)
})

// A reader that has seen enough (`| head -1`) is not an error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

offerToEndOrphans()
keepIgnoringHangup()

try {
  proveRoomForFiles()
  const program = commandLine()
  const [, , first = ''] = process.argv
  // Not for another command or the version: loading it takes some 5 ms.
  if (first !== '--version' && !program.commands.some((command) => command.name() === first)) {
    const {addCompletion} = await import('./commands/completion.ts')
    await addCompletion(program, first === 'complete')
  }
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitStatus.asExpected : exitStatus.usage
  } else if (error instanceof UsageError) {
    process.stderr.write(`rebind: ${error.message}\n`)
    process.exitCode = exitStatus.usage
  } else {
    const {code, message} = error as NodeJS.ErrnoException
    const remedy = code === 'EMFILE' ? '; raise the limit (ulimit -n)' : ''
    process.stderr.write(`rebind: ${printable(message)}${remedy}\n`)
    process.exitCode = exitStatus.failed
  }
}
