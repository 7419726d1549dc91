import {closingLine} from '../documents/words.ts'
import {withoutEscapes} from '../text.ts'
import type {RunDocument} from '../views/kinds.ts'
import type {Occasion} from './suite.ts'

/** What a command has to report. */
export interface Reported {
  document: RunDocument
  /** What contradicts common advice. */
  sentences: readonly string[]
  occasion: Occasion
}

/** Where it goes. */
export interface Medium {
  /** Of a terminal; undefined for a pipe or a file. */
  columns: number | undefined
  /** A file that is kept is not coloured, whatever stdout is. */
  isFile: boolean
}

type Render = (reported: Reported, medium: Medium) => string | Promise<string>

/** One way of reporting what a command has found. */
interface Reporter {
  /** For the help, after `--reporter NAME`. */
  what: string
  /** Whether it needs a verdict: test cases are made of it. */
  judges: boolean
  /** Loads what writes the text, before anything is measured. */
  load(): Promise<Render>
}

export const reporterNames = ['terminal', 'json', 'junit', 'tap', 'markdown', 'github'] as const
export const exportNames = ['csv', 'bmf', 'github-action-benchmark'] as const
export type ReporterName = (typeof reporterNames)[number] | (typeof exportNames)[number]

/** Every reporter. A new one is a row here. */
export const reporters: Readonly<Record<ReporterName, Reporter>> = {
  terminal: {
    what: 'what a person reads',
    judges: false,
    async load() {
      const [{renderForTerminal}, {briefViewOf}] = await Promise.all([
        import('../render/terminal.ts'),
        import('../views/kinds.ts'),
      ])
      return async ({document, sentences}, {columns, isFile}) => {
        const view = await briefViewOf(document, {log: null, sentences})
        const drawn = renderForTerminal(view, columns)
        const text = isFile ? withoutEscapes(drawn) : drawn
        return document.format === 'rebind-report'
          ? `${text}\n${closingLine(document.results)}\n`
          : text
      }
    },
  },
  json: {
    what: 'the document',
    judges: false,
    async load() {
      const {jsonText} = await import('../documents/json-text.ts')
      return ({document}) => `${jsonText(document)}\n`
    },
  },
  junit: {
    what: 'JUnit XML',
    judges: true,
    async load() {
      const {renderJunit} = await import('./junit.ts')
      return async (reported) => renderJunit(await casesOf(reported))
    },
  },
  tap: {
    what: 'TAP 14',
    judges: true,
    async load() {
      const {renderTap} = await import('./tap.ts')
      return async (reported) => renderTap(await casesOf(reported))
    },
  },
  markdown: {
    what: 'Markdown, as in the run folder',
    judges: false,
    async load() {
      const {markdownOf} = await import('../views/markdown.ts')
      return ({document, sentences}) => markdownOf(document, {log: null, sentences})
    },
  },
  github: {
    what: "annotations, and the job's summary",
    judges: true,
    async load() {
      const [{newsOf, tellGithub}, {renderAsMarkdown}, {briefViewOf}] = await Promise.all([
        import('./github.ts'),
        import('../render/markdown.ts'),
        import('../views/kinds.ts'),
      ])
      return async (reported) => {
        const {document, sentences} = reported
        const summary = renderAsMarkdown(await briefViewOf(document, {log: null, sentences}))
        return tellGithub(newsOf(await casesOf(reported), summary))
      }
    },
  },
  csv: {
    what: 'a row per port, or per point of a line',
    judges: false,
    async load() {
      const [{renderCsv}, {historyAsCsv, isHistory}] = await Promise.all([
        import('./csv.ts'),
        import('./history-exports.ts'),
      ])
      return ({document}) => {
        if (isHistory(document)) return historyAsCsv(document)
        if (document.format !== 'rebind-timing') throw new TypeError(`${document.format} as CSV`)
        return renderCsv(document)
      }
    },
  },
  bmf: {
    what: 'the newest time of each line, in Bencher Metric Format',
    judges: false,
    async load() {
      const {ofHistory, historyAsBmf} = await import('./history-exports.ts')
      return ofHistory(historyAsBmf)
    },
  },
  'github-action-benchmark': {
    what: 'the same as customSmallerIsBetter',
    judges: false,
    async load() {
      const {ofHistory, historyAsBenchmarks} = await import('./history-exports.ts')
      return ofHistory(historyAsBenchmarks)
    },
  },
}

async function casesOf({document, occasion}: Reported) {
  const {suiteOf, isJudged} = await import('./suite.ts')
  if (!isJudged(document)) throw new TypeError(`${document.format} judges nothing`)
  return suiteOf(document, occasion)
}
