import {execFileSync} from 'node:child_process'
import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import {temporaryFolder} from './commands/cli.ts'
import {missingProgram} from './needs.ts'

export const withoutNetlinkProblem =
  process.platform === 'linux' ? missingProgram('cc') : 'only Linux has netlink'

/** As gVisor answers: the kernel is never asked. */
const source = `
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
int socket(int domain, int type, int protocol) {
  if (domain == 16) { errno = EPROTONOSUPPORT; return -1; }
  return syscall(SYS_socket, domain, type, protocol);
}
`

/** The program and arguments that run a command on a system that answers no netlink. */
export function withoutNetlink(t: ExecutionContext): string[] {
  const folder = temporaryFolder(t)
  const [code, library] = [join(folder, 'socket.c'), join(folder, 'socket.so')]
  writeFileSync(code, source)
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, code])
  return ['env', `LD_PRELOAD=${library}`]
}
