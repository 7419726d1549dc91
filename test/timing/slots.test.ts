import {commonReleases, inferSlots, type ReleasedPort} from '../../harness/timing/slots.ts'
import {test} from '../declare.ts'

/** Ports closed evenly over some seconds and released at the end of their timer's slot. */
function released(options: {
  ports: number
  spreadSeconds: number
  timerSeconds: number
  /** 0: each port is released when its own timer ends. */
  slotSeconds: number
  /** How late each release is seen. */
  lateSeconds?: (index: number) => number
  /** How long before its grant each port was refused for the last time. */
  uncertaintySeconds?: number
}): ReleasedPort[] {
  const {ports, spreadSeconds, timerSeconds, slotSeconds, lateSeconds = () => 0} = options
  const {uncertaintySeconds = 0.001} = options
  return Array.from({length: ports}, (_, index) => {
    const closedAtSeconds = 1.234 + (index * spreadSeconds) / (ports - 1)
    const end = closedAtSeconds + timerSeconds
    const slotEnd = slotSeconds === 0 ? end : Math.ceil(end / slotSeconds) * slotSeconds
    const grantedAtSeconds = slotEnd + lateSeconds(index)
    const lastRefusedAtSeconds = grantedAtSeconds - uncertaintySeconds
    return {closedAtSeconds, lastRefusedAtSeconds, grantedAtSeconds}
  })
}

const kernels: [hz: number, slotSeconds: number][] = [
  [100, 5.12],
  [250, 2.048],
  [300, 512 / 300],
  [1000, 4.096],
]

for (const [hz, slotSeconds] of kernels) {
  for (const ports of [32, 64, 1000]) {
    test(`HZ=${hz} is inferred from ${ports} ports closed over 6 s`, (t) => {
      const late = (index: number) => ((index * 7) % 20) / 10_000
      const given = {ports, spreadSeconds: 6, timerSeconds: 60, slotSeconds, lateSeconds: late}
      const slots = inferSlots(released(given), 60.004)
      t.is(slots.inferredHz, hz)
      t.true(Math.abs((slots.widthSeconds ?? 0) - slotSeconds) < 0.005)
      t.is(
        slots.releases.reduce((sum, release) => sum + release.ports, 0),
        ports,
      )
    })
  }
}

test('attempts that a busy machine holds up for 60 ms do not tear an instant apart', (t) => {
  const late = (index: number) => (index % 3 === 0 ? 0.06 : 0)
  const given = {ports: 64, spreadSeconds: 6, timerSeconds: 60, slotSeconds: 2.048}
  const all = released({...given, lateSeconds: late, uncertaintySeconds: 0.061})
  t.is(inferSlots(all, 60).inferredHz, 250)
  t.is(commonReleases(all).length, 4)
})

test('wide uncertainties do not make slots of ports that are released one by one', (t) => {
  const given = {ports: 1000, spreadSeconds: 6, timerSeconds: 60, slotSeconds: 0}
  t.is(inferSlots(released({...given, uncertaintySeconds: 0.1}), null).widthSeconds, null)
})

test('a spread narrower than a slot shows one instant, and neither width nor tick rate', (t) => {
  const given = {ports: 64, spreadSeconds: 0.1, timerSeconds: 60, slotSeconds: 5.12}
  const {widthSeconds, inferredHz, releases} = inferSlots(released(given), 60)
  t.is(widthSeconds, null)
  t.is(inferredHz, null)
  t.is(releases.length, 1)
})

for (const ports of [2, 64, 1000]) {
  test(`${ports} ports that are each released for themselves show no slots`, (t) => {
    const given = {ports, spreadSeconds: 6, timerSeconds: 60, slotSeconds: 0}
    const {widthSeconds, inferredHz} = inferSlots(released(given), null)
    t.is(widthSeconds, null)
    t.is(inferredHz, null)
  })
}

test('without the kernel timer there is a width and no tick rate', (t) => {
  const given = {ports: 64, spreadSeconds: 6, timerSeconds: 60, slotSeconds: 2.048}
  const {widthSeconds, inferredHz} = inferSlots(released(given), null)
  t.true(Math.abs((widthSeconds ?? 0) - 2.048) < 1e-6)
  t.is(inferredHz, null)
})

test('a slot width that no usual tick rate has is given without one', (t) => {
  const given = {ports: 64, spreadSeconds: 6, timerSeconds: 60, slotSeconds: 3}
  t.is(inferSlots(released(given), 60).inferredHz, null)
})

test('a slot in which no port ran out does not double the width', (t) => {
  const given = {ports: 400, spreadSeconds: 12, timerSeconds: 60, slotSeconds: 2.048}
  const all = released(given)
  const instants = commonReleases(all).map(({atSeconds}) => atSeconds)
  const withoutOne = all.filter(({grantedAtSeconds}) => grantedAtSeconds !== instants[2])
  t.true(withoutOne.length < all.length)
  t.is(inferSlots(withoutOne, 60).inferredHz, 250)
})

test('a shorter timer has narrower slots: 5 s at HZ=250 is 0.256 s', (t) => {
  const given = {ports: 200, spreadSeconds: 3, timerSeconds: 5, slotSeconds: 0.256}
  t.is(inferSlots(released(given), 5).inferredHz, 250)
})

test('no port at all has no slots', (t) => {
  t.deepEqual(inferSlots([], 60), {widthSeconds: null, inferredHz: null, releases: []})
})
