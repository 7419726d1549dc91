import {greatestOf} from '../extremes.ts'
import {printable} from '../text.ts'
import type {BarGroup} from './model.ts'

const shortestBar = 10

/**
 * Bars as lines of text, below the titles of their groups.
 * @param width what a line may take, if the longest bar is not too short then
 * @param paint colours a bar, and a title
 */
export function barLines(
  groups: readonly BarGroup[],
  width: number,
  paint: {bar(text: string): string; title(text: string): string},
): string[] {
  const all = groups.flatMap(({bars}) => bars)
  const widest = (texts: readonly string[]) =>
    greatestOf(
      texts.map((text) => printable(text).length),
      0,
    )
  const labels = widest(all.map(({label}) => label))
  const values = widest(all.map(({value}) => value))
  const room = Math.max(shortestBar, width - labels - values - 4)
  return groups.flatMap(({title, bars}, index) => [
    ...(index === 0 ? [] : ['']),
    ...(title === undefined ? [] : [paint.title(printable(title))]),
    ...bars.map(({label, value, share}) => {
      const bar = '█'.repeat(Math.ceil(share * room))
      const words = `${printable(label).padStart(labels)}  ${printable(value).padStart(values)}`
      return `${words} ${paint.bar(bar)}`.trimEnd()
    }),
  ])
}
