import test from 'ava'
import {isWithin, kernelVersion, releasedVersion} from '../../harness/platforms/kernel-version.ts'

test("Debian's and Ubuntu's own names for a kernel give its upstream version", (t) => {
  const debian = {
    release: '6.1.0-13-amd64',
    version:
      'Linux version 6.1.0-13-amd64 (a@b) (gcc-12 (Debian 12.2.0-14)) #1 SMP Debian 6.1.55-1 (2023-09-29)',
    signature: '',
  }
  t.is(kernelVersion(debian), '6.1.55')
  const ubuntu = {
    release: '6.8.0-40-generic',
    version: '',
    signature: 'Ubuntu 6.8.0-40.40-generic 6.8.12',
  }
  t.is(kernelVersion(ubuntu), '6.8.12')
  t.is(releasedVersion('6.18.44-fc-v657'), '6.18.44')
  t.is(releasedVersion('6.1.0-13-amd64'), undefined)
})

test('versions are compared by their numbers', (t) => {
  t.true(isWithin('6.1', '5.14', 'Infinity'))
  t.true(isWithin('5.14', '5.14', 'Infinity'))
  t.false(isWithin('5.9.16', '5.14', 'Infinity'))
})
