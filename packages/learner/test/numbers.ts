/**
 * Graphs in numbers, for the tests: by the interpreter in float64, by the runtime, and gradients by
 * finite differences.
 */
import type { Value } from "@dreamgym/graph"
import { Gradient, Interpreter, Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"

export type Numbers = Readonly<Record<string, ArrayLike<number> | BigInt64Array>>
export type Feeds = Readonly<Record<string, Float32Array | BigInt64Array>>
export type Values = Readonly<Record<string, Value.Value>>

/** The gradient of a scalar with respect to inputs, as named values. */
export const slopesOf = (loss: Value.Value, parameters: Values): Values => {
  const slopes = Gradient.gradients(loss, Object.values(parameters))
  return Object.fromEntries(Object.keys(parameters).map((name, i) => [name, slopes[i] ?? loss]))
}

/** In float64. */
export const exactly = (values: Values, feeds: Numbers): Readonly<Record<string, Float64Array>> =>
  Interpreter.evaluate(
    Record.mapKeys(values, (name) => `out ${name}`),
    feeds
  )

export const scalar = (value: Value.Value, feeds: Numbers): number =>
  Interpreter.evaluate({ value }, feeds).value[0] ?? Number.NaN

/** By ONNX Runtime; feeds that the graph does not have are left out. */
export const run = Effect.fn(function* (values: Values, feeds: Feeds) {
  const pool = yield* Session.SessionPool
  const session = yield* pool.compile(Record.mapKeys(values, (name) => `out ${name}`))
  return yield* session.run(Record.filter(feeds, (_, name) => name in session.inputs))
})

/** The central difference of a scalar along one number of one feed. */
export const difference = (
  loss: Value.Value,
  feeds: Numbers,
  name: string,
  place: number,
  width = 1e-5
): number => {
  const moved = (by: number) => {
    const array = Float64Array.from(Array.from(feeds[name] ?? [], Number))
    array[place] = (array[place] ?? 0) + by
    return scalar(loss, { ...feeds, [name]: array })
  }
  return (moved(width) - moved(-width)) / (2 * width)
}

export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length
    ? Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] ?? 0))), 0)
    : Number.POSITIVE_INFINITY
