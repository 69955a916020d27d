/**
 * What a draw must be, whatever was drawn: so many, from what may be drawn, in balance, with the right chances and weights.
 * How often each is drawn is told by `SamplingLaws`; which ones is the buffer's choice.
 */
import { Ending, Trajectory, type ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Buffer } from "./BufferUnderTest.ts"
import { failsWith, holds, same } from "./Law.ts"
import * as Model from "./ReplayBufferModel.ts"

type Trajectories = ReadonlyArray<Trajectory.Trajectory>
type Request = ReplayBuffer.SampleRequest
type Drawn = ReadonlyArray<ReplayBuffer.Drawn>

/** A draw of `request` from a buffer that should hold what `model` holds. */
export const drawsAsTold = Effect.fnUntraced(function* (
  model: Model.Model,
  buffer: Buffer,
  request: Request
) {
  const items = Model.drawable(model)
  const draw = buffer.draw(request)
  if (isContradiction(request)) return yield* failsWith("the draw", draw, error, "BadRequest")
  if (items.length === 0) return yield* failsWith("the draw", draw, error, "NotEnough")
  const drawn = yield* draw
  const sample = drawn.map(({ trajectory }) => trajectory)
  yield* same("how many were drawn", drawn.length, request.count)
  yield* areKept(items, sample)
  yield* same("the same draw again", yield* buffer.draw(request), drawn)
  yield* same("the sample", yield* buffer.sample(request), sample)
  yield* isEachOnce(items, sample, request)
  yield* isBalanced(
    items.map(({ trajectory }) => trajectory),
    sample,
    request
  )
  yield* hasChances(model, items, drawn, request)
  yield* hasWeights(items.length, drawn, request)
})

const error = "ReplayBufferError"

const isContradiction = (request: Request): boolean =>
  request.strategy?._tag === "RankBased" && keepsBalance(request)

const keepsBalance = ({ environments, realFraction, successFraction }: Request): boolean =>
  [environments, realFraction, successFraction].some((target) => target !== undefined)

const areKept = (items: ReadonlyArray<Model.Item>, sample: Trajectories) => {
  const kept = new Map(items.map(({ trajectory }) => [trajectory.id, trajectory]))
  return Effect.forEach(sample, (one) => {
    const known = kept.get(one.id)
    return known === undefined
      ? holds(
          false,
          `${one.id} was drawn, and is not among what may be: ${[...kept.keys()].join(" ")}`
        )
      : same(`the drawn ${one.id}`, one, known)
  })
}

/** Without replacement each comes as often as any other, or once more. */
export const isEachOnce = (
  items: ReadonlyArray<Model.Item>,
  sample: Trajectories,
  { count, replacement }: Request
): Effect.Effect<void, unknown> => {
  const times = items.map(
    ({ trajectory }) => sample.filter(({ id }) => id === trajectory.id).length
  )
  const rounds = Math.floor(count / items.length)
  return holds(
    replacement === true || times.every((n) => n === rounds || n === rounds + 1),
    `of ${items.length} trajectories, ${count} were drawn so often each: ${times.join(" ")}`
  )
}

/**
 * Of `pool`, as far as there is enough. What gives way where two wishes for balance contradict each other is left to the buffer,
 * except that `successFraction` yields to `realFraction`.
 */
export const isBalanced = (
  pool: Trajectories,
  sample: Trajectories,
  request: Request
): Effect.Effect<void, unknown> => {
  const { count, environments, realFraction, replacement = false, successFraction } = request
  // Of what is drawn in rounds, all but the last round is everything.
  if (!replacement && count > pool.length) return Effect.void
  const draw = { pool, sample, count, replacement }
  if (environments === undefined) return isRealAndSuccessful(draw, realFraction, successFraction)
  return realFraction === undefined && successFraction === undefined
    ? isOfEnvironments(draw, environments)
    : Effect.void
}

interface Draw {
  readonly pool: Trajectories
  readonly sample: Trajectories
  readonly count: number
  readonly replacement: boolean
}

const isRealAndSuccessful = Effect.fnUntraced(function* (
  { count, pool, replacement, sample }: Draw,
  realFraction: number | undefined,
  successFraction: number | undefined
) {
  const real = pool.filter(Trajectory.isReal)
  const dreams = pool.filter((one) => !Trajectory.isReal(one))
  const realCount = sample.filter(Trajectory.isReal).length
  if (realFraction !== undefined) {
    const possible = possibleOf(real, dreams, count, replacement)
    yield* nearly("real", realCount, realFraction * count, possible)
  }
  if (successFraction === undefined) return
  const parts =
    realFraction === undefined
      ? [successesOf(pool, count, replacement)]
      : [
          successesOf(real, realCount, replacement),
          successesOf(dreams, count - realCount, replacement)
        ]
  const possible = {
    low: parts.reduce((sum, { low }) => sum + low, 0),
    high: parts.reduce((sum, { high }) => sum + high, 0)
  }
  const found = sample.filter(isSuccess).length
  yield* nearly("successful", found, successFraction * count, possible)
})

const isSuccess = ({ ending }: Trajectory.Trajectory): boolean => Ending.isSuccess(ending)

/** With replacement there is enough of whatever there is at all. */
const available = (list: Trajectories, replacement: boolean): number =>
  replacement && list.length > 0 ? Number.POSITIVE_INFINITY : list.length

/** How many of `count` can be of `kind`, where the rest must be of `others`. */
const possibleOf = (
  kind: Trajectories,
  others: Trajectories,
  count: number,
  replacement: boolean
): Model.Range => ({
  low: Math.max(0, count - available(others, replacement)),
  high: Math.min(count, available(kind, replacement))
})

const successesOf = (list: Trajectories, count: number, replacement: boolean): Model.Range =>
  possibleOf(
    list.filter(isSuccess),
    list.filter((one) => !isSuccess(one)),
    count,
    replacement
  )

/** Rounding is free, hence less than 1; the bounds are not. */
const nearly = (what: string, found: number, wanted: number, { high, low }: Model.Range) => {
  const bounded = Math.max(low, Math.min(high, wanted))
  return holds(
    found >= low && found <= high && Math.abs(found - bounded) < 1,
    `${found} of the sample are ${what}; wanted ${wanted}, possible are ${low} to ${high}`
  )
}

/** Only where all shares are of environments that are there, and their sum is 1. */
const isOfEnvironments = (
  { count, pool, replacement, sample }: Draw,
  shares: Readonly<Record<string, number>>
): Effect.Effect<void, unknown> => {
  const of = (list: Trajectories, name: string) =>
    list.filter(({ task }) => task.environment === name)
  const parts = [...new Set(pool.map(({ task }) => task.environment))].map((name) => ({
    name,
    wanted: (shares[name] ?? 0) * count,
    most: available(of(pool, name), replacement),
    found: of(sample, name).length
  }))
  const total = parts.reduce((sum, { wanted }) => sum + wanted, 0)
  if (Math.abs(total - count) > 1e-6) return Effect.void
  const isEnough = parts.every(({ most, wanted }) => wanted <= most)
  return Effect.forEach(
    parts,
    ({ found, most, name, wanted }) => {
      const low = Math.min(most, Math.floor(wanted + 1e-6))
      const isRight = found >= low && (!isEnough || Math.abs(found - wanted) < 1)
      return holds(
        isRight,
        `${found} of the sample are of ${name}; wanted ${wanted}, there are ${most}`
      )
    },
    { discard: true }
  )
}

const tolerance = 1e-6

const hasChances = (
  model: Model.Model,
  items: ReadonlyArray<Model.Item>,
  drawn: Drawn,
  request: Request
): Effect.Effect<void, unknown> => {
  const { strategy = uniform } = request
  const ranges = Model.chances(model, items, strategy)
  const rangeOf = new Map(items.map(({ trajectory }, i) => [trajectory.id, ranges[i]]))
  return Effect.forEach(
    drawn,
    ({ probability, trajectory }) => {
      const range = keepsBalance(request) ? undefined : rangeOf.get(trajectory.id)
      const { high, low } = range ?? { low: Number.MIN_VALUE, high: 1 }
      return holds(
        probability >= low * (1 - tolerance) && probability <= high * (1 + tolerance),
        `${trajectory.id} is drawn by ${strategy._tag} with the probability ${probability}; expected ${low} to ${high}`
      )
    },
    { discard: true }
  )
}

const uniform: ReplayBuffer.Strategy = { _tag: "Uniform" }

/** (N x probability)^-beta over the greatest of the sample. */
export const hasWeights = (
  size: number,
  drawn: Drawn,
  { beta = 1 }: Request
): Effect.Effect<void, unknown> => {
  const weights = drawn.map(({ probability }) => (size * probability) ** -beta)
  const greatest = weights.reduce((most, weight) => Math.max(most, weight), 0)
  return Effect.forEach(
    drawn,
    ({ importance, probability, trajectory }, i) => {
      const expected = (weights[i] ?? 0) / greatest
      return holds(
        Math.abs(importance - expected) <= tolerance * expected,
        `${trajectory.id}, drawn with ${probability}, has the importance ${importance}; expected ${expected}`
      )
    },
    { discard: true }
  )
}
