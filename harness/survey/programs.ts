import {accessSync, constants, readdirSync} from 'node:fs'
import {delimiter, join} from 'node:path'

/** Where servers are that an ordinary user's PATH often lacks. */
const serverFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/opt/homebrew/bin']
const postgresFolder = '/usr/lib/postgresql'

/** The absolute path of a program; undefined if it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...serverFolders,
    ...postgresFolders(),
  ]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
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
    return true
  } catch {
    return false
  }
}
