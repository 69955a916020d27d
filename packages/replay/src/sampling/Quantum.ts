/**
 * The step to which a changing set of weights is rounded: a 2^32th of the greatest, that one rounded down to a power of 16.
 * It depends on what is in the set alone, and holds no weight itself.
 *
 * Sums of multiples of it are exact up to 2^53 steps, which is two million times that greatest weight.
 */

/** `quantum` is 2^-32 for an empty set. */
export interface Quantum {
  readonly add: (weight: number) => void
  readonly remove: (weight: number) => void
  readonly quantum: () => number
}

/** What `add` takes: far from where a sum or a quotient would leave the numbers. */
export const bounded = (weight: number): number =>
  Math.max(2 ** -900, Math.min(2 ** 900, weight || 0))

/** How many weights are in each range of powers of 16: few ranges, so that the greatest is soon found. */
export const make = (): Quantum => {
  const ranges = new Map<number, number>()
  let quantum = stepOf(0)
  const count = (weight: number, change: 1 | -1): void => {
    const range = Math.floor(Math.log2(weight) / 4)
    const times = (ranges.get(range) ?? 0) + change
    if (times === 0) ranges.delete(range)
    else ranges.set(range, times)
    if (times <= 1 && ranges.size > 0) quantum = stepOf(Math.max(...ranges.keys()))
  }
  return {
    add: (weight) => count(weight, 1),
    remove: (weight) => count(weight, -1),
    quantum: () => quantum
  }
}

const stepOf = (range: number): number => 16 ** range * 2 ** -32
