import type {CommandToStart} from '../processes/protocol.ts'

/**
 * LISTEN_PID is the pid of the server itself, which nobody knows before it is there: sh(1) becomes the server once it
 * has said its own. The script is fixed, and the command is passed to it word by word.
 */
const becoming = 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"'

/** A command that gets a listening socket as systemd passes it (sd_listen_fds(3)): file descriptor 3, LISTEN_FDS, LISTEN_PID. */
export function activated({command, args, env, ...others}: CommandToStart): CommandToStart {
  return {
    ...others,
    ...{command: 'sh', args: ['-c', becoming, 'sh', command, ...args], inherits: true},
    env: {...env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'rebind'},
  }
}
