import type {Free, FreeStep} from '../documents/free-schema.ts'
import {counted} from '../documents/words.ts'
import type {Block, Part, Text, View} from '../render/model.ts'
import {endWords} from '../why/words.ts'

/** Whether the port is free, what was done for that or would be, and what is left alone. */
export function freeView({port, freed, plan, did, left, because}: Free): View {
  const isDone = did.length > 0
  return {
    heading: freed
      ? {tone: 'good', text: `Port ${port} is free: a plain bind is granted.`}
      : {tone: 'bad', text: `Port ${port} is not free: ${because}.`},
    blocks: [
      listed(
        'Left alone',
        left.map(({because: why}) => sentence(why)),
      ),
      listed('What was done', did.map(doneWords)),
      // What could not free it is not done, either.
      listed('What would be done', isDone || freed || left.length > 0 ? [] : plan.map(stepWords)),
    ],
    file: 'the JSON (--json)',
  }
}

function listed(title: string, items: readonly Text[]): Block {
  return {kind: 'section', title, blocks: [{kind: 'list', items}]}
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** What would be done, in one line each. */
export function stepWords(step: FreeStep): Text {
  const {what, signal, seconds, after} = step
  switch (what) {
    case 'signal': {
      const when = after === undefined ? '' : `, if it still listens when process ${after} does not`
      const last = seconds === null ? '' : `, and SIGKILL if it still listens after ${seconds} s`
      return [`send ${signal} to `, ...processWords(step), when, last]
    }
    case 'destroy':
      return ['destroy ', ...socketWords(step)]
    case 'wait':
      return `wait at most ${Math.ceil(seconds ?? 0)} s until the kernel lets go`
  }
}

function doneWords(step: FreeStep): Text {
  const {what, signal, seconds} = step
  switch (what) {
    case 'signal': {
      const end =
        seconds === null ? 'it has not ended yet' : `it ended after ${seconds.toFixed(2)} s`
      return [`sent ${signal} to `, ...processWords(step), `: ${end}`]
    }
    case 'destroy':
      return ['destroyed ', ...socketWords(step)]
    case 'wait':
      return step.pid === null
        ? `waited ${(seconds ?? 0).toFixed(1)} s until the kernel let go`
        : [
            `waited ${(seconds ?? 0).toFixed(1)} s for `,
            ...processWords(step),
            ' to finish its work',
          ]
  }
}

function processWords({pid, command}: FreeStep): Part[] {
  return pid === null ? ['a process'] : [`process ${pid} ("`, {short: command ?? ''}, '")']
}

function socketWords(step: FreeStep): Part[] {
  const {socket, count = 1} = step
  if (socket === null) return []
  const {state, local, remote} = socket
  if (remote === null) {
    return [`${counted(count, 'connection')} without a process on ${endWords(local)} (${state})`]
  }
  const ends = `the connection ${endWords(local)} - ${endWords(remote)} (${state}) of `
  return [ends, ...processWords(step)]
}
