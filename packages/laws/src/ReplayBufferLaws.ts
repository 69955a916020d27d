/**
 * The laws of a replay buffer: what is kept, what is found, what is drawn.
 * They say nothing of speed, nor of which embedding is the better one.
 */
import { Ending, ReplayBuffer, type Task, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"
import * as Arbitraries from "./Arbitraries.ts"
import { failsWith, forAll, holds, law, same, type Law, type Suite } from "./Law.ts"

type BufferLayer = Layer.Layer<ReplayBuffer.ReplayBuffer, unknown>
type Trajectories = ReadonlyArray<Trajectory.Trajectory>

/**
 * `buffer` makes a new, empty one whenever it is built; it refuses the tasks that `evaluation` names, and finds transitions by
 * their observation and action. `durable` makes a new place; the layer that it answers opens this place whenever it is built.
 */
export interface Options {
  readonly name: string
  readonly buffer: (evaluation: (task: Task.Task) => boolean) => BufferLayer
  readonly durable?: Effect.Effect<BufferLayer, unknown, Scope.Scope>
}

export const replayBufferLaws = (options: Options): Suite => ({
  name: `${options.name} obeys the replay buffer laws`,
  laws: [
    keeps(options),
    keepsOnce(options),
    keepsAllThatComeTogether(options),
    counts(options),
    refusesEvaluationData(options),
    samplesInBalance(options),
    samplesEachOnce(options),
    samplesByKey(options),
    hasNothingToDraw(options),
    findsTheNearest(options),
    findsWhatIsWanted(options),
    findsTheRealFirst(options),
    ...(options.durable === undefined ? [] : [isTheSameWhenReopened(options.durable)])
  ]
})

/** Each of another task, so that all contents differ; none failed, because what failed may not be drawn. */
const distinct: fc.Arbitrary<Trajectories> = fc
  .array(
    fc.oneof(
      Arbitraries.trajectoryLike({ provenance: Arbitraries.real, ending: Arbitraries.terminated }),
      Arbitraries.trajectoryLike({
        provenance: Arbitraries.synthetic,
        ending: Arbitraries.terminated,
        minTransitions: 1
      })
    ),
    { minLength: 1, maxLength: 8 }
  )
  .map((list) => list.map((one, i) => renamed(one, `task-${i}`)))

const renamed = (trajectory: Trajectory.Trajectory, id: string): Trajectory.Trajectory => ({
  ...trajectory,
  id: `of-${id}`,
  task: { ...trajectory.task, id }
})

const nothingIsEvaluation = () => false

type Check<A> = (
  value: A,
  buffer: ReplayBuffer.ReplayBuffer["Service"]
) => Effect.Effect<void, unknown>

/** A law about a new buffer, for many values. */
const always = <A>(
  name: string,
  { buffer }: Options,
  values: fc.Arbitrary<A>,
  check: Check<A>,
  evaluation: (task: Task.Task) => boolean = nothingIsEvaluation
): Law =>
  law(
    name,
    forAll(values, (value) =>
      ReplayBuffer.ReplayBuffer.use((service) => check(value, service)).pipe(
        Effect.provide(Layer.fresh(buffer(evaluation)))
      )
    )
  )

const keeps = (options: Options) =>
  always(
    "what was added is in the snapshot, whole and in order",
    options,
    distinct,
    (list, buffer) =>
      Effect.gen(function* () {
        const half = Math.floor(list.length / 2)
        yield* same("the first answer", yield* buffer.add(list.slice(0, half)), half)
        yield* same("the second answer", yield* buffer.add(list.slice(half)), list.length - half)
        yield* same("the snapshot", yield* buffer.snapshot, list)
      })
  )

const keepsOnce = (options: Options) =>
  always(
    "the same content is kept once, whatever it is called",
    options,
    distinct,
    (list, buffer) =>
      Effect.gen(function* () {
        yield* buffer.add([...list, ...list])
        const twins = list.map((one) => ({ ...one, id: `${one.id}-again`, policyVersion: 7 }))
        yield* same("what is new in the same again", yield* buffer.add(twins), 0)
        yield* same("the snapshot", yield* buffer.snapshot, list)
        yield* same("the duplicates", (yield* buffer.stats).duplicates, 2 * list.length)
      })
  )

const keepsAllThatComeTogether = (options: Options) =>
  always("additions side by side lose nothing", options, distinct, (list, buffer) =>
    Effect.gen(function* () {
      const additions = [...list, ...list].map((one) => buffer.add([one]))
      const answers = yield* Effect.all(additions, { concurrency: "unbounded" })
      yield* same(
        "what was new",
        answers.reduce((sum, n) => sum + n, 0),
        list.length
      )
      const ids = (yield* buffer.snapshot).map(({ id }) => id)
      yield* same("the snapshot", ids.toSorted(), list.map(({ id }) => id).toSorted())
    })
  )

const counts = (options: Options) =>
  always("the statistics count the snapshot", options, distinct, (list, buffer) =>
    Effect.gen(function* () {
      yield* buffer.add(list)
      const transitions = list.flatMap((one) => one.transitions)
      const real = transitions.filter(({ provenance }) => provenance._tag === "Real").length
      yield* same("the statistics", yield* buffer.stats, {
        trajectories: list.length,
        realTransitions: real,
        syntheticTransitions: transitions.length - real,
        duplicates: 0,
        successes: list.filter(({ ending }) => Ending.isSuccess(ending)).length
      })
    })
  )

const refusesEvaluationData = (options: Options) =>
  always(
    "evaluation data is refused, and all that comes with it",
    options,
    distinct,
    (list, buffer) =>
      Effect.gen(function* () {
        const [first] = list
        if (first === undefined) return
        const addition = buffer.add([...list, renamed(first, "held-out")])
        yield* failsWith("the addition", addition, "ReplayBufferError", "EvaluationData")
        yield* same("the snapshot", yield* buffer.snapshot, [])
      }),
    ({ id }) => id === "held-out"
  )

const drawn = fc.tuple(distinct, Arbitraries.sampleRequest)

const samplesInBalance = (options: Options) =>
  always(
    "a sample is as real and as successful as was asked, as far as there is enough",
    options,
    drawn,
    ([list, asked], buffer) =>
      Effect.gen(function* () {
        yield* buffer.add(list)
        const count = Math.min(asked.count, list.length)
        const sample = yield* buffer.sample({ ...asked, count })
        const real = list.filter(Trajectory.isReal)
        const synthetic = list.filter((one) => !Trajectory.isReal(one))
        const low = Math.max(0, count - synthetic.length)
        const realCount = sample.filter(Trajectory.isReal).length
        yield* nearly("real", realCount, asked.realFraction * count, low, real.length)
        if (asked.successFraction === undefined) return
        const parts = [rangeOf(real, realCount), rangeOf(synthetic, count - realCount)]
        const [least, most] = [0, 1].map((i) =>
          parts.reduce((sum, part) => sum + (part[i] ?? 0), 0)
        )
        const wanted = asked.successFraction * count
        yield* nearly("successful", sample.filter(isSuccess).length, wanted, least ?? 0, most ?? 0)
      })
  )

const isSuccess = ({ ending }: Trajectory.Trajectory): boolean => Ending.isSuccess(ending)

/** The least and the greatest number of successes among `count` of `list`. */
const rangeOf = (list: Trajectories, count: number): ReadonlyArray<number> => {
  const successes = list.filter(isSuccess).length
  return [Math.max(0, count - (list.length - successes)), Math.min(count, successes)]
}

/** Rounding is free, hence less than 1; the bounds are not. */
const nearly = (what: string, found: number, wanted: number, low: number, high: number) => {
  const bounded = Math.max(low, Math.min(high, wanted))
  return holds(
    found >= low && found <= high && Math.abs(found - bounded) < 1,
    `${found} of the sample are ${what}; wanted ${wanted}, possible are ${low} to ${high}`
  )
}

const samplesEachOnce = (options: Options) =>
  always(
    "none is drawn twice before all were drawn once",
    options,
    drawn,
    ([list, asked], buffer) =>
      Effect.gen(function* () {
        yield* buffer.add(list)
        const sample = yield* buffer.sample(asked)
        yield* same("the size of the sample", sample.length, asked.count)
        const times = list.map(({ id }) => sample.filter((one) => one.id === id).length)
        const rounds = Math.floor(asked.count / list.length)
        yield* holds(
          times.every((n) => n === rounds || n === rounds + 1),
          `of ${list.length} trajectories, ${asked.count} were drawn so often each: ${times.join(" ")}`
        )
      })
  )

const samplesByKey = (options: Options) =>
  always("the same key draws the same sample", options, drawn, ([list, asked], buffer) =>
    Effect.gen(function* () {
      yield* buffer.add(list)
      const once = yield* buffer.sample(asked)
      yield* same("the second sample", yield* buffer.sample(asked), once)
    })
  )

const hasNothingToDraw = (options: Options) =>
  always("an empty buffer has not enough", options, Arbitraries.sampleRequest, (asked, buffer) =>
    failsWith("the sample", buffer.sample(asked), "ReplayBufferError", "NotEnough")
  )

const query = fc.record({
  state: Arbitraries.words,
  action: Arbitraries.words,
  k: fc.integer({ min: 0, max: 6 })
})

const findsTheNearest = (options: Options) =>
  always(
    "what is found is sorted by likeness, k at most, each once, and itself most alike",
    options,
    fc.tuple(distinct, query),
    ([list, asked], buffer) =>
      Effect.gen(function* () {
        yield* buffer.add(list)
        const found = yield* buffer.similar(asked)
        const transitions = list.flatMap((one) => one.transitions)
        yield* same("how many", found.length, Math.min(asked.k, transitions.length))
        yield* same("the ids", new Set(found.map(({ id }) => id)).size, found.length)
        const likeness = found.map(({ similarity }) => similarity)
        yield* same(
          "the order",
          likeness,
          likeness.toSorted((a, b) => b - a)
        )
        yield* holds(
          likeness.every((cosine) => cosine >= -1 && cosine <= 1),
          `a cosine is out of bounds: ${likeness.join(" ")}`
        )
        for (const { action, observation } of transitions) {
          const [self] = yield* buffer.similar({ state: observation, action: action.text, k: 1 })
          yield* holds((self?.similarity ?? 0) > 0.999, `"${observation}" is not like itself`)
        }
      })
  )

const findsWhatIsWanted = (options: Options) =>
  always(
    "what is found is real, of the environment and not of the trajectory, as asked",
    options,
    fc.tuple(distinct, query),
    ([list, asked], buffer) =>
      Effect.gen(function* () {
        yield* buffer.add(list)
        const wide = { ...asked, k: 100 }
        const tasksOf = (more: Partial<ReplayBuffer.SimilarQuery>) =>
          Effect.map(buffer.similar({ ...wide, ...more }), (found) =>
            found.map(({ task }) => task.id).toSorted()
          )
        const expected = (wanted: (one: Trajectory.Trajectory) => boolean) =>
          list
            .flatMap((one) => (wanted(one) ? one.transitions.map(() => one.task.id) : []))
            .toSorted()
        for (const { id, task } of list) {
          const others = expected((one) => one.id !== id)
          yield* same("what is not its own", yield* tasksOf({ excludeTrajectory: id }), others)
          const { environment } = task
          const ofTheSame = expected((one) => one.task.environment === environment)
          yield* same("what is of the environment", yield* tasksOf({ environment }), ofTheSame)
        }
        const real = expected(Trajectory.isReal)
        yield* same("what is real", yield* tasksOf({ realOnly: true }), real)
      })
  )

const findsTheRealFirst = (options: Options) =>
  always(
    "of equally similar ones the real come first",
    options,
    Arbitraries.trajectoryLike({ provenance: Arbitraries.synthetic, minTransitions: 1 }),
    (dream, buffer) =>
      Effect.gen(function* () {
        const provenance = { _tag: "Real", environment: "law", version: "1" } as const
        const transitions = dream.transitions.map((one) => ({ ...one, provenance }))
        const real = { ...renamed(dream, "real"), transitions }
        yield* buffer.add([renamed(dream, "dream"), real, renamed(dream, "later-dream")])
        for (const { action, observation } of transitions) {
          const found = yield* buffer.similar({ state: observation, action: action.text, k: 1 })
          yield* same(
            "the first",
            found.map(({ task }) => task.id),
            ["real"]
          )
        }
      })
  )

const isTheSameWhenReopened = (durable: NonNullable<Options["durable"]>) =>
  law(
    "reopened, it is the same buffer",
    forAll(drawn, ([list, asked]) =>
      Effect.gen(function* () {
        const layer = Layer.fresh(yield* durable)
        const whole = yield* Effect.provide(addInTwo(list, asked), layer)
        yield* same("the reopened buffer", yield* Effect.provide(look(asked), layer), whole)
        yield* same("what is new in the same", yield* Effect.provide(addAll(list), layer), 0)
      })
    )
  )

const addAll = (list: Trajectories) => ReplayBuffer.ReplayBuffer.use((buffer) => buffer.add(list))

const addInTwo = (list: Trajectories, asked: ReplayBuffer.SampleRequest) =>
  Effect.gen(function* () {
    yield* addAll(list.slice(0, 1))
    yield* addAll(list.slice(1))
    return yield* look(asked)
  })

const look = Effect.fnUntraced(function* (asked: ReplayBuffer.SampleRequest) {
  const buffer = yield* ReplayBuffer.ReplayBuffer
  return {
    snapshot: yield* buffer.snapshot,
    stats: yield* buffer.stats,
    sample: yield* buffer.sample(asked),
    similar: yield* buffer.similar({ state: "open cabinet 1", action: "take mug", k: 5 })
  }
})
