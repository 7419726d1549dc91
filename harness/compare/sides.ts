import type {Side} from '../documents/comparison-schema.ts'
import type {Host} from '../documents/report-schema.ts'
import {platformOf} from '../platforms/detect.ts'
import type {ComparableDocument} from './documents.ts'

/** How a stack is called in sentences: by its platform, or where that has no name by the OS's own. */
export function stackTitle({stack, os}: Pick<Host, 'stack' | 'os'>): string {
  return stack === 'unknown' ? os : platformOf(stack).title
}

/**
 * The documents as sides of a comparison. A label is the OS's name where that is enough to tell the sides
 * apart; if not, release, architecture and Node come to it, and for two of one machine a number.
 */
export function describeSides(documents: readonly ComparableDocument[]): Side[] {
  const hosts = documents.map(({content}) => content.host)
  const labels = distinctLabels(hosts)
  return documents.map(({file, content: {host}}, index) => {
    const {os, stack, release, arch, node} = host
    return {label: labels[index] ?? file, file, os, stack, release, arch, node}
  })
}

const labelParts: readonly ((host: Host) => string)[] = [
  stackTitle,
  ({release}) => release,
  ({arch}) => arch,
  ({node}) => `Node ${node}`,
]

/** As few parts as tell apart what can be told apart; what is left is numbered. */
function distinctLabels(hosts: readonly Host[]): string[] {
  const candidates = labelParts.map((_, last) =>
    hosts.map((host) =>
      labelParts
        .slice(0, last + 1)
        .map((part) => part(host))
        .join(' '),
    ),
  )
  const distinct = (labels: readonly string[]) => new Set(labels).size
  const most = Math.max(...candidates.map(distinct))
  const labels = candidates.find((each) => distinct(each) === most) ?? []
  return labels.map((label, index) => {
    const twins = labels.flatMap((other, at) => (other === label ? at : []))
    return twins.length === 1 ? label : `${label} #${twins.indexOf(index) + 1}`
  })
}
