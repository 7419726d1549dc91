/**
 * Makes docs/report.png, what a run folder's page shows first: npm run docs:picture RUN_FOLDER
 * It needs Chromium, from CHROMIUM or /usr/bin/chromium.
 */
import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {chromium} from 'playwright-core'

const folder = process.argv[2]
if (folder === undefined) {
  process.stderr.write('usage: npm run docs:picture RUN_FOLDER\n')
  process.exit(2)
}
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
try {
  const page = await browser.newPage({viewport: {width: 1240, height: 940}, colorScheme: 'light'})
  await page.goto(pathToFileURL(join(folder, 'report.html')).href)
  const picture = await page.screenshot({type: 'png'})
  writeFileSync(fileURLToPath(new URL('report.png', import.meta.url)), picture)
  process.stdout.write(`docs/report.png: ${picture.length} bytes\n`)
} finally {
  await browser.close()
}
