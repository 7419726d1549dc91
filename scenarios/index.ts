import type {Scenario} from '../harness/scenario.ts'
import clientAborts from './client-aborts.ts'
import clientClosesFirst from './client-closes-first.ts'
import clientNeverCloses from './client-never-closes.ts'
import clientNeverClosesReuseaddr from './client-never-closes-reuseaddr.ts'
import connectionOutlivesServer from './connection-outlives-server.ts'
import connectionOutlivesServerReuseaddr from './connection-outlives-server-reuseaddr.ts'
import oldServerStillListening from './old-server-still-listening.ts'
import reuseaddrAddedLate from './reuseaddr-added-late.ts'
import reuseaddrDropped from './reuseaddr-dropped.ts'
import reuseportAddedLate from './reuseport-added-late.ts'
import reuseportOnly from './reuseport-only.ts'
import serverAborts from './server-aborts.ts'
import serverClosesFirst from './server-closes-first.ts'
import serverClosesFirstNode from './server-closes-first-node.ts'
import serverClosesFirstReuseaddr from './server-closes-first-reuseaddr.ts'
import serverClosesUnread from './server-closes-unread.ts'
import serverKilled from './server-killed.ts'

/** Every scenario by its id, which is its file's name, in the order in which the story is told. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'server-closes-first': serverClosesFirst,
  'server-closes-first-reuseaddr': serverClosesFirstReuseaddr,
  'server-closes-first-node': serverClosesFirstNode,
  'reuseaddr-added-late': reuseaddrAddedLate,
  'reuseaddr-dropped': reuseaddrDropped,
  'reuseport-only': reuseportOnly,
  'reuseport-added-late': reuseportAddedLate,
  'client-closes-first': clientClosesFirst,
  'client-never-closes': clientNeverCloses,
  'client-never-closes-reuseaddr': clientNeverClosesReuseaddr,
  'server-aborts': serverAborts,
  'client-aborts': clientAborts,
  'server-closes-unread': serverClosesUnread,
  'server-killed': serverKilled,
  'old-server-still-listening': oldServerStillListening,
  'connection-outlives-server': connectionOutlivesServer,
  'connection-outlives-server-reuseaddr': connectionOutlivesServerReuseaddr,
}
