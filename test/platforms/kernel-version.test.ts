import {
  isWithin,
  kernelVersion,
  readKernelVersion,
  releasedVersion,
} from '../../harness/platforms/kernel-version.ts'
import {test} from '../declare.ts'
import {needs, notLinux} from '../needs.ts'

const debian = (version: string) =>
  'Linux version 6.1.0-13-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, ' +
  `GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC ${version} (2023-09-29)`
const ubuntu =
  'Linux version 6.2.0-39-generic (buildd@lcy02) (x86_64-linux-gnu-gcc-11 (Ubuntu 11.4.0) 11.4.0) #40~22.04.1-Ubuntu SMP'

const kernels: [what: string, told: Parameters<typeof kernelVersion>[0], string | undefined][] = [
  [
    'Debian',
    {release: '6.1.0-13-amd64', version: debian('Debian 6.1.55-1'), signature: ''},
    '6.1.55',
  ],
  [
    "one of Debian's before a release",
    {release: '6.2.0-0-amd64', version: debian('Debian 6.2~rc3-1~exp1'), signature: ''},
    '6.2',
  ],
  [
    "another kernel, built with Debian's compiler",
    {release: '6.6.2', version: debian('Thu Nov 23'), signature: ''},
    '6.6.2',
  ],
  [
    'Ubuntu',
    {
      ...{release: '6.2.0-39-generic', version: ubuntu},
      signature: 'Ubuntu 6.2.0-39.40~22.04.1-generic 6.2.16',
    },
    '6.2.16',
  ],
  [
    'Ubuntu, of which /proc shows nothing',
    {release: '6.2.0-39-generic', version: '', signature: ''},
    undefined,
  ],
  ['Fedora', {release: '6.1.5-200.fc37.x86_64', version: '', signature: ''}, '6.1.5'],
  ['a kernel of kernel.org', {release: '6.18.44', version: '', signature: ''}, '6.18.44'],
]

for (const [what, told, version] of kernels) {
  test(`the upstream version of ${what} is ${version ?? 'not known'}`, (t) => {
    t.is(kernelVersion(told), version)
  })
}

needs(process.platform === 'linux' ? undefined : notLinux)(
  'this kernel has a version, unless it shows none',
  (t) => {
    t.regex(readKernelVersion() ?? '6.18', /^\d+\.\d+(\.\d+)?$/)
  },
)

test('versions are compared by their numbers', (t) => {
  t.true(isWithin('6.1.4', '6.1.0', '6.1.4'))
  t.true(isWithin('6.1', '6.1.0', '6.1.4'))
  t.true(isWithin('6.3.13', '6.2.0', '6.5.3'))
  t.false(isWithin('6.1.20', '6.1.0', '6.1.4'))
  t.false(isWithin('6.10.2', '6.1.0', '6.5.3'))
  t.true(isWithin('5.14', '5.14', 'Infinity'))
  t.false(isWithin('5.9.16', '5.14', 'Infinity'))
  t.is(releasedVersion('not a version'), undefined)
})
