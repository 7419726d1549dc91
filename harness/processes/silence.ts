import {starvedAtMostSeconds} from '../starvation.ts'

/**
 * Longest silence of a process that owes an answer; a successor's attempts count as signs of life. Only the
 * seconds in which the harness itself runs count: it may have been stopped together with all its processes.
 */
const answerWithinSeconds = 30
/**
 * From when on processes of ours are looked for that are kept from running: the silent one may wait for those.
 * It costs a reading for each.
 */
const suspectAfterSeconds = 5

/** How long somebody has said nothing. */
interface Silence {
  seconds: number
  /** Somebody was kept from running meanwhile: the machine is to blame. */
  starved: boolean
}

/**
 * Counts the seconds in which a process says nothing.
 * @param isStarved whether one of our processes was kept from running in the last second
 */
export function countSilence(isStarved: () => boolean) {
  let silent = 0
  let starved = 0
  const heard = () => {
    silent = 0
    starved = 0
  }
  return {
    heard,
    /**
     * A second has passed.
     * @param owes whether the process owes an answer
     * @returns the silence, once it has lasted for too long
     */
    tick(owes: boolean): Silence | undefined {
      // Who is asked nothing for a minute may say nothing.
      if (!owes) heard()
      else silent++
      if (silent < suspectAfterSeconds) return undefined
      if (isStarved()) {
        silent--
        starved++
      }
      if (silent < answerWithinSeconds && starved < starvedAtMostSeconds) return undefined
      return {seconds: silent + starved, starved: starved > 0}
    },
  }
}
