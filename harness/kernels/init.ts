/** The first process of a guest: scripts for busybox's shell, whose own applets go before programs of the same name. */
import type {Measurement} from './measurements.ts'

/** Begins what the guest says on its console to us. */
export const marker = 'rebind-guest:'
export const portName = 'rebind.results'

const bb = '/bin/busybox'

const head = [
  `#!${bb} sh`,
  `${bb} mkdir -p /proc /sys /dev /tmp /root`,
  `${bb} mount -t proc proc /proc`,
  `${bb} mount -t sysfs sys /sys`,
  `${bb} mount -t devtmpfs dev /dev`,
]
const powerOff = `${bb} poweroff -f`

/** Proves that a machine can boot at all. */
export const initThatEnds = [...head, `echo "${marker} done"`, powerOff, ''].join('\n')

/** Loads the modules, measures, and writes all documents as one tar archive to the virtio port. */
export function initThatMeasures(measurements: readonly Measurement[]): string {
  return [
    ...head,
    `${bb} mount -t tmpfs tmp /tmp`,
    'for module in /modules/*.ko; do',
    `  ${bb} insmod "$module" || echo "${marker} $module was not loaded"`,
    'done',
    `${bb} ifconfig lo 127.0.0.1 up`,
    'ulimit -n 20000',
    'export PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root NO_COLOR=1',
    `${bb} mkdir -p /tmp/results`,
    'cd /tmp/results',
    `${bb} cat /proc/version >version`,
    ...measurements.flatMap(({document, args}) => [
      `echo "${marker} ${args[0]}"`,
      `/usr/bin/node /rebind/dist/harness/cli.js ${args.join(' ')} --json --out ../runs >${document}.json 2>${document}.log </dev/null`,
      `echo $? >${document}.status`,
    ]),
    'for port in /sys/class/virtio-ports/*; do',
    `  [ "$(${bb} cat $port/name)" = ${portName} ] || continue`,
    `  ${bb} tar -cf /dev/\${port##*/} . && echo "${marker} done"`,
    'done',
    powerOff,
    '',
  ].join('\n')
}
