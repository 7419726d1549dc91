import test from 'ava'
import axe, {type AxeResults} from 'axe-core'
import type {BrowserContext, Page} from 'playwright-core'
import {bindGuideView, type GuidedComparison} from '../../harness/views/bind-guide.ts'
import {renderHtml, renderViewAsPage} from '../../harness/views/html/render.ts'
import type {ShownDocument} from '../../harness/views/kinds.ts'
import {testUnless} from '../commands/cli.ts'
import {
  hostileText,
  realDocuments,
  recordedReport,
  withHostileText,
} from '../documents/documents.ts'
import {missingBrowser, openPage, startBrowser} from './browser.ts'

const documents = await realDocuments()
let browser: BrowserContext
if (missingBrowser === undefined) {
  test.before(async () => {
    browser = await startBrowser()
  })
  test.after.always(() => browser?.browser()?.close())
}

const desktop = {width: 1280, height: 800}
const phone = {width: 375, height: 700}

/** Some of them; they are all alike. */
async function openDetails(page: Page): Promise<void> {
  await page.evaluate(
    '[...document.querySelectorAll("details")].slice(0, 3).forEach((each) => { each.open = true })',
  )
}

/** The rules of axe-core, which the page has been given, for WCAG A and AA that it breaks seriously. */
async function seriousViolations(page: Page): Promise<string[]> {
  const options = {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    resultTypes: ['violations'],
  }
  const {violations} = await page.evaluate<AxeResults>(
    `axe.run(document, ${JSON.stringify(options)})`,
  )
  return violations
    .filter(({impact}) => impact === 'serious' || impact === 'critical')
    .map(({id, nodes}) => `${id}: ${nodes[0]?.html}`)
}

type Render = (document: ShownDocument, sentences: readonly string[]) => Promise<string>
const asRun: Render = (document, sentences) => renderHtml([document], {log: null, sentences})
const asBinds: Render = async (document) =>
  renderViewAsPage(bindGuideView(document as GuidedComparison))
const pages: [what: string, document: ShownDocument | undefined, render: Render][] = [
  ...Object.entries(documents).map(([what, document]): [string, ShownDocument, Render] => [
    what,
    document,
    asRun,
  ]),
  ['comparison of binds', documents.comparison, asBinds],
]

for (const [what, document, render] of pages) {
  if (document === undefined) throw new Error(`there is no document of a ${what}`)
  testUnless(
    missingBrowser,
    `the page of a ${what} is accessible and fits, in light and dark, on a desk and on a phone`,
    async (t) => {
      const html = await render(document, [])
      const {page, complaints, requests} = await openPage(t, browser, html, {viewport: desktop})
      await page.evaluate(axe.source)
      await openDetails(page)
      for (const [colorScheme, viewport] of [
        ['light', desktop],
        ['dark', phone],
      ] as const) {
        await page.emulateMedia({colorScheme})
        await page.setViewportSize(viewport)
        t.deepEqual(await seriousViolations(page), [], `${colorScheme}, ${viewport.width}`)
        const overflow = await page.evaluate<number>(
          'document.documentElement.scrollWidth - innerWidth',
        )
        t.true(overflow <= 0, `${overflow} pixels too wide at ${viewport.width}`)
      }
      t.deepEqual(complaints, [])
      t.deepEqual(requests, [])
    },
  )

  testUnless(
    missingBrowser,
    `hostile text in every field of a ${what} is shown as text, and does nothing`,
    async (t) => {
      const hostile = await withHostileText(document)
      const html = await render(hostile, [hostileText])
      const {page, complaints, requests} = await openPage(t, browser, html, {viewport: desktop})
      const found = await page.evaluate<{active: number; handlers: number; text: string}>(`({
        active: document.querySelectorAll('script,img,iframe,link,form,b,object,embed').length,
        handlers: [...document.querySelectorAll('*')].filter((element) =>
          element.getAttributeNames().some((name) => name.startsWith('on') || name === 'style'),
        ).length,
        text: document.body.textContent,
      })`)
      t.is(found.active, 0)
      t.is(found.handlers, 0)
      t.true(found.text.includes('<script>alert(1)</script><img src=x onerror=alert(1)>'))
      t.deepEqual(complaints, [])
      t.deepEqual(requests, [])
    },
  )
}

testUnless(missingBrowser, 'a scenario is opened by the keyboard alone', async (t) => {
  const html = await renderHtml([recordedReport()])
  const {page} = await openPage(t, browser, html, {viewport: desktop})
  const seen: string[] = []
  for (let press = 0; press < 10 && seen.at(-1) !== 'SUMMARY'; press++) {
    await page.keyboard.press('Tab')
    seen.push(await page.evaluate<string>('document.activeElement.tagName'))
  }
  // The chart scrolls, so it is on the way.
  t.deepEqual(seen, ['DIV', 'SUMMARY'])
  const claim = page.getByText('The side that closes first keeps the connection')
  t.false(await claim.isVisible())
  await page.keyboard.press('Enter')
  t.true(await claim.isVisible())
})

testUnless(missingBrowser, 'printed, every scenario is open, on white', async (t) => {
  const html = await renderHtml([recordedReport()])
  const {page} = await openPage(t, browser, html, {viewport: desktop, colorScheme: 'dark'})
  await page.emulateMedia({media: 'print', colorScheme: 'dark'})
  t.true(await page.getByText('The side that closes first keeps the connection').isVisible())
  const colour = await page.evaluate<string>(
    'getComputedStyle(document.documentElement).backgroundColor',
  )
  t.is(colour, 'rgb(255, 255, 255)')
})

testUnless(missingBrowser, 'printed, the timeline is whole on the first page', async (t) => {
  const html = await renderHtml([recordedReport()])
  const [width, height] = [680, 1030] // A4 less its margins
  const {page} = await openPage(t, browser, html, {viewport: {width, height}})
  await page.emulateMedia({media: 'print'})
  const chart = await page.locator('figure.wide svg').last().boundingBox()
  if (chart === null) return t.fail('the wide chart is not printed')
  t.true(chart.x + chart.width <= width)
  t.true(chart.y + chart.height <= height)
  t.true(chart.height > height / 2)
  t.false(await page.locator('figure.narrow').first().isVisible())
})

testUnless(missingBrowser, 'a narrow screen gets the chart that is made for it', async (t) => {
  const html = await renderHtml([recordedReport()])
  for (const [viewport, shown, hidden] of [
    [desktop, 'figure.wide', 'figure.narrow'],
    [phone, 'figure.narrow', 'figure.wide'],
  ] as const) {
    const {page} = await openPage(t, browser, html, {viewport})
    t.true(await page.locator(shown).first().isVisible())
    t.false(await page.locator(hidden).first().isVisible())
  }
})
