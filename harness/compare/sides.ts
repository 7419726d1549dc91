import type {Side} from '../documents/comparison-schema.ts'
import type {Host} from '../documents/report-schema.ts'
import {groupBy} from '../group-by.ts'
import {platformOf} from '../platforms/detect.ts'
import type {ComparableDocument} from './documents.ts'

/** How a stack is called in sentences: by its platform, or where that has no name by the OS's own. */
export function stackTitle({stack, os}: Pick<Host, 'stack' | 'os'>): string {
  return stack === 'unknown' ? os : platformOf(stack).title
}

/**
 * The documents as sides of a comparison. A label is the system's name where that is enough to tell it from all others;
 * if not, its version comes to it, its whole release, architecture and Node, and for two of one machine a number.
 */
export function describeSides(documents: readonly ComparableDocument[]): Side[] {
  const hosts = documents.map(({content}) => content.host)
  const labels = distinctLabels(hosts)
  return documents.map(({file, content: {host}}, index) => {
    const {os, stack, release, arch, node} = host
    return {label: labels[index] ?? file, file, os, stack, release, arch, node}
  })
}

/** From short to long. */
const labelForms: readonly ((host: Host) => string[])[] = [
  (host) => [nameOf(host)],
  (host) => [nameOf(host), ...(host.label === undefined ? [versionOf(host)] : [])],
  (host) => [nameOf(host), host.release],
  (host) => [nameOf(host), host.release, host.arch],
  (host) => [nameOf(host), host.release, host.arch, `Node ${host.node}`],
]

export function nameOf(host: Pick<Host, 'label' | 'stack' | 'os'>): string {
  return host.label ?? stackTitle(host)
}

/** `6.1` of `6.1.0-50-cloud-amd64`: Linux changes what it does between such versions only, or says so. */
export function versionOf({stack, release}: Pick<Host, 'stack' | 'release'>): string {
  return (stack === 'linux' ? /^\d+\.\d+/.exec(release)?.[0] : undefined) ?? release
}

/** Each as short as tells it from the others; twins are numbered. */
function distinctLabels(hosts: readonly Host[]): string[] {
  const forms = hosts.map((host) => labelForms.map((form) => form(host).join(' ')))
  const twinsAt = (form: number, label: string | undefined) =>
    forms.filter((each) => each[form] === label).length
  const labels = forms.map((own) => {
    const twins = own.map((label, form) => twinsAt(form, label))
    return own[twins.indexOf(Math.min(...twins))] ?? ''
  })
  return labels.map((label, index) => {
    const twins = labels.flatMap((other, at) => (other === label ? at : []))
    return twins.length === 1 ? label : `${label} #${twins.indexOf(index) + 1}`
  })
}

/** Several labels as one, the names once: `Linux 5.10 and 6.1, gVisor`. */
export function labelsTogether(labels: readonly string[]): string {
  const byName = groupBy(labels, (label) => label.split(' ')[0] ?? '')
  return [...byName]
    .map(([name, own]) => {
      const versions = own.map((label) => label.slice(name.length + 1)).filter(Boolean)
      const last = versions.pop()
      const listed = versions.length === 0 ? last : `${versions.join(', ')} and ${last}`
      return listed === undefined ? name : `${name} ${listed}`
    })
    .join(', ')
}
