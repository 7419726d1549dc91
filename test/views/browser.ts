/** A real browser for the pages that people look at. */
import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {delimiter, join} from 'node:path'
import {pathToFileURL} from 'node:url'
import type {ExecutionContext} from 'ava'
import {type BrowserContext, chromium, type Page, type ViewportSize} from 'playwright-core'
import {missingProgram, notInstalled} from '../needs.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome']
const name = names.find((candidate) => missingProgram(candidate) === undefined)

export const missingBrowser = name === undefined ? notInstalled('chromium') : undefined

/** What a page of ours may be: of this machine alone, and root has no sandbox to give it. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A process for each page takes as long as the page.
  '--renderer-process-limit=1',
]

/** Starts the browser that all tests of a file share. It has one window: each takes as long to open as its page. */
export async function startBrowser(): Promise<BrowserContext> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const executablePath = folders
    .map((folder) => join(folder, name ?? ''))
    .find((path) => existsSync(path))
  const browser = await chromium.launch({args: flags, ...(executablePath ? {executablePath} : {})})
  return browser.newContext()
}

/** A page from disk, and what the browser had to complain about: errors, refusals by its policy. */
export async function openPage(
  t: ExecutionContext,
  browser: BrowserContext,
  html: string,
  {viewport, colorScheme = 'light'}: {viewport: ViewportSize; colorScheme?: 'light' | 'dark'},
): Promise<{page: Page; complaints: string[]; requests: string[]}> {
  const folder = mkdtempSync(join(tmpdir(), 'rebind-page-'))
  const file = join(folder, 'report.html')
  writeFileSync(file, html)
  const page = await browser.newPage()
  t.teardown(async () => {
    await page.close()
    rmSync(folder, {recursive: true, force: true})
  })
  await page.setViewportSize(viewport)
  await page.emulateMedia({colorScheme})
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', async (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    await dialog.dismiss()
  })
  const {href} = pathToFileURL(file)
  page.on('request', (request) => {
    if (request.url() !== href) requests.push(request.url())
  })
  await page.goto(href)
  return {page, complaints, requests}
}
