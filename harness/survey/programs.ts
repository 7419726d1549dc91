import {accessSync, constants, readdirSync, realpathSync, statSync} from 'node:fs'
import {delimiter, dirname, join, resolve} from 'node:path'

/** Where servers are that an ordinary user's PATH often lacks. */
const serverFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/opt/homebrew/bin']
const postgresFolder = '/usr/lib/postgresql'

/** The absolute path of a program that `isFit`; undefined if it is not installed. */
export function findProgram(
  name: string,
  isFit: (path: string) => boolean = isExecutable,
): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...serverFolders,
    ...postgresFolders(),
  ]
  return folders.map((folder) => resolve(folder, name)).find(isFit)
}

/** Debian keeps PostgreSQL's programs in a folder for each version. */
function postgresFolders(): string[] {
  try {
    return readdirSync(postgresFolder)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(postgresFolder, version, 'bin'))
  } catch {
    return []
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Whether a user who neither owns it nor is in its group may run the program: /root/bin/node they may not. */
export function anybodyMayRun(path: string): boolean {
  return isExecutable(path) && anybodyMayEnter(dirname(path)) && anybodyMayEnter(realpathSync(path))
}

/** Whether a user who neither owns it nor is in its group may enter the folder, and all that it is in. */
export function anybodyMayEnter(folder: string): boolean {
  try {
    if ((statSync(folder).mode & constants.S_IXOTH) === 0) return false
  } catch {
    return false
  }
  return dirname(folder) === folder || anybodyMayEnter(dirname(folder))
}
