/** A toy replay buffer in memory, and one kept as text; `Flaws` say what a broken one does otherwise. */
import { Ending, ReplayBuffer, Seed, type Task, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

type Buffer = ReplayBuffer.ReplayBuffer["Service"]
type Trajectories = ReadonlyArray<Trajectory.Trajectory>

export interface Flaws {
  readonly evaluation?: (task: Task.Task) => boolean
  readonly keepsDuplicates?: boolean
  readonly yieldsInAdd?: boolean
  readonly sample?: (list: Trajectories, request: ReplayBuffer.SampleRequest) => Trajectories
  readonly stats?: Partial<ReplayBuffer.BufferStats>
  readonly similar?: (
    found: ReadonlyArray<ReplayBuffer.Demonstration>,
    query: ReplayBuffer.SimilarQuery
  ) => ReadonlyArray<ReplayBuffer.Demonstration>
  readonly emptyIsFine?: boolean
  readonly ignoresWishes?: boolean
  readonly forget?: (list: Trajectories) => Trajectories
}

const contentOf = ({ firstObservation, task, transitions }: Trajectory.Trajectory): string =>
  JSON.stringify([
    task.id,
    firstObservation,
    ...transitions.map((one) => [one.action.text, one.nextObservation])
  ])

const wordsOf = (text: string) => new Set(text.split(" "))

/** The cosine of two sets of words. */
const likeness = (a: string, b: string): number => {
  const [left, right] = [wordsOf(a), wordsOf(b)]
  const common = [...left].filter((word) => right.has(word))
  return common.length / Math.sqrt(left.size * right.size)
}

const isReal = ({ provenance }: Trajectory.Transition) => provenance._tag === "Real"

const similarIn = (
  list: Trajectories,
  query: ReplayBuffer.SimilarQuery
): ReadonlyArray<ReplayBuffer.Demonstration> =>
  list
    .filter(
      ({ id, task }) =>
        id !== query.excludeTrajectory &&
        (query.environment === undefined || task.environment === query.environment)
    )
    .flatMap(({ id, task, transitions }) =>
      transitions.map((transition, i) => ({
        id: `${id}#${i}`,
        task,
        transition,
        similarity: likeness(
          `${transition.observation} : ${transition.action.text}`,
          `${query.state} : ${query.action}`
        )
      }))
    )
    .filter(({ transition }) => query.realOnly !== true || isReal(transition))
    .sort(
      (a, b) =>
        b.similarity - a.similarity || Number(isReal(b.transition)) - Number(isReal(a.transition))
    )

const sampleIn: NonNullable<Flaws["sample"]> = (list, request) => {
  const random = Seed.generator(request.key)
  const isWanted = (one: Trajectory.Trajectory) => Ending.isSuccess(one.ending)
  const pool = Seed.shuffle(random, list)
  const sample: Array<Trajectory.Trajectory> = []
  while (sample.length < request.count) {
    const count = Math.min(request.count - sample.length, list.length)
    const real = pool.filter(Trajectory.isReal)
    const dreams = pool.filter((one) => !Trajectory.isReal(one))
    const least = count - dreams.length
    const wanted = Math.max(least, Math.min(real.length, Math.round(count * request.realFraction)))
    const parts = [
      { part: real, size: wanted },
      { part: dreams, size: count - wanted }
    ].map(({ part, size }) => ({
      successes: part.filter(isWanted),
      failures: part.filter((one) => !isWanted(one)),
      part,
      size
    }))
    if (request.successFraction === undefined) {
      sample.push(...parts.flatMap(({ part, size }) => part.slice(0, size)))
      continue
    }
    let missing = Math.round(count * request.successFraction)
    const least2 = parts.map(({ failures, size }) => Math.max(0, size - failures.length))
    missing -= least2.reduce((sum, n) => sum + n, 0)
    for (const [i, { failures, size, successes }] of parts.entries()) {
      const low = least2[i] ?? 0
      const more = Math.max(0, Math.min(missing, Math.min(size, successes.length) - low))
      missing -= more
      sample.push(...successes.slice(0, low + more), ...failures.slice(0, size - low - more))
    }
  }
  return sample
}

const errorOf = (reason: ReplayBuffer.ReplayBufferError["reason"]) =>
  new ReplayBuffer.ReplayBufferError({ reason, message: reason })

/** `start` is what it holds at first; `keep` is told all that it holds after each addition. */
const make = (flaws: Flaws, start: Trajectories, keep: (list: Trajectories) => void): Buffer => {
  let list = start
  let duplicates = 0
  const add = Effect.fnUntraced(function* (trajectories: Trajectories) {
    if (trajectories.some(({ task }) => flaws.evaluation?.(task))) {
      return yield* errorOf("EvaluationData")
    }
    let next = list
    for (const one of trajectories) {
      const isKnown = next.some((other) => contentOf(other) === contentOf(one))
      if (isKnown) duplicates++
      if (!isKnown || flaws.keepsDuplicates) next = [...next, one]
    }
    const fresh = next.length - list.length
    if (flaws.yieldsInAdd) yield* Effect.yieldNow
    list = next
    keep(list)
    return fresh
  })
  return ReplayBuffer.ReplayBuffer.of({
    add,
    sample: (request) =>
      Effect.suspend(() =>
        list.length === 0 && !flaws.emptyIsFine
          ? Effect.fail(errorOf("NotEnough"))
          : Effect.succeed(list.length === 0 ? [] : (flaws.sample ?? sampleIn)(list, request))
      ),
    similar: (query) =>
      Effect.sync(() => {
        const { action, k, state } = query
        const found = similarIn(list, flaws.ignoresWishes ? { action, k, state } : query)
        return flaws.similar?.(found, query) ?? found.slice(0, query.k)
      }),
    stats: Effect.sync(() => {
      const transitions = list.flatMap((one) => one.transitions)
      const realTransitions = transitions.filter(isReal).length
      return {
        trajectories: list.length,
        realTransitions,
        syntheticTransitions: transitions.length - realTransitions,
        duplicates,
        successes: list.filter(({ ending }) => Ending.isSuccess(ending)).length,
        ...flaws.stats
      }
    }),
    snapshot: Effect.sync(() => flaws.forget?.(list) ?? list)
  })
}

export const sampleSoundly = sampleIn

export const layer = (flaws: Flaws = {}): Layer.Layer<ReplayBuffer.ReplayBuffer> =>
  Layer.sync(ReplayBuffer.ReplayBuffer, () => make(flaws, [], () => undefined))

/** A new place; the layer opens it again and again. */
export const durable = (flaws: Flaws = {}) =>
  Effect.sync(() => {
    let written: Trajectories = []
    return Layer.sync(ReplayBuffer.ReplayBuffer, () =>
      make(flaws, written, (list) => {
        written = flaws.forget?.(list) ?? list
      })
    )
  })
