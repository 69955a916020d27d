/**
 * A program for the tests, as a thread loads it: it doubles an array many times, and does wrong what it is told to do wrong.
 * It is no test.
 */
import * as Program from "../src/Program.ts"

/** `x` is doubled `times` times; `seen`, in shared memory, counts the runs that are done. */
export interface Input {
  readonly x: Float32Array
  readonly times: number
  readonly seen: Int32Array
  readonly wrong?: "feed" | "id" | "throws" | "uncloneable" | "result"
}

/** The sum of what came out. */
export interface Result {
  readonly sum: number
}

export const reference: Program.Reference<Result> = {
  module: new URL(import.meta.url),
  isResult: (value): value is Result =>
    typeof value === "object" && value !== null && "sum" in value
}

export function* start({ seen, times, wrong, x }: Input): Program.Program<unknown> {
  const doubling = yield* Program.session("doubling", { length: x.length })
  const lookup = yield* Program.session("lookup", {})
  const y = x.slice()
  for (let time = 0; time < times; time++) {
    yield* Program.run(doubling, { x: y }, { y })
    Atomics.add(seen, 0, 1)
  }
  if (wrong === "feed") yield* Program.run(doubling, { x: y.subarray(1) })
  if (wrong === "id") yield* Program.run(lookup, { id: Float32Array.of(7) })
  if (wrong === "throws") throw new RangeError("it went wrong")
  if (wrong === "uncloneable") return { sum: () => 0 }
  return wrong === "result" ? 7 : { sum: y.reduce((sum, one) => sum + one, 0) }
}
