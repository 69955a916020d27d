/**
 * What the benchmarks of this room share: how a figure is asked for, and how time and memory are read.
 * It is no benchmark itself.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** A figure before it is taken; `goal` is in `unit`. */
export interface Question {
  readonly name: string
  readonly unit: string
  readonly goal: number
  readonly higherIsBetter: boolean
}

/** Per second, the more the better. */
export const rate = (name: string, goal: number): Question => ({
  name,
  unit: "1/s",
  goal,
  higherIsBetter: true
})

/** Time or memory, the less the better. */
export const cost = (name: string, unit: string, goal: number): Question => ({
  name,
  unit,
  goal,
  higherIsBetter: false
})

export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN

/** Milliseconds. */
export const took = (work: () => void): number => {
  const began = performance.now()
  work()
  return performance.now() - began
}

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

/** Bytes in use once what nobody holds is gone. */
export const heap = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}
