/**
 * Any story of additions, draws, questions, priorities and snapshots, told to a buffer and to a list in memory (`ReplayBufferModel`).
 * A counterexample is the shortest story that the two tell differently, step by step.
 */
import type { ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import {
  openIn,
  storiesOf,
  type Buffer,
  type BufferLayer,
  type Options
} from "./BufferUnderTest.ts"
import * as Arbitraries from "./Arbitraries.ts"
import { drawsAsTold } from "./DrawChecks.ts"
import { Broken, failsWith, forAll, holds, law, same, type Law } from "./Law.ts"
import * as Cast from "./ReplayBufferCast.ts"
import * as Model from "./ReplayBufferModel.ts"
import { findsAsTold } from "./SimilarChecks.ts"

/** The buffer of the story; `reopen` closes it and opens the place again. */
interface Real {
  readonly buffer: () => Buffer
  readonly reopen: Effect.Effect<void, unknown>
}

type Step = fc.AsyncCommand<Model.Model, Real>

/** With `durable`, the buffer is closed and opened again in between. */
export const storyLaw = ({ buffer, durable, runs }: Options): Law => {
  const steps: ReadonlyArray<fc.Arbitrary<Step>> =
    durable === undefined ? ordinary : [...ordinary, reopens]
  const place = durable ?? ((setting: Model.Setting) => Effect.succeed(buffer(setting)))
  const story = fc.commands<Model.Model, Real, false>([...steps], {
    maxCommands: longest,
    size: "max"
  })
  return law(
    "any story goes as in a list in memory",
    forAll(
      fc.tuple(bounds, story),
      ([bound, commands]) =>
        Effect.gen(function* () {
          const setting = { ...bound, evaluation: isHeldOut, quality: Cast.qualityOf }
          const real = yield* realOf(yield* place(setting))
          const told = () => ({ model: Model.make(setting), real })
          yield* Effect.tryPromise({
            try: () => fc.asyncModelRun(told, commands),
            catch: (cause) =>
              new Broken({ message: cause instanceof Error ? cause.message : `${cause}`, cause })
          })
        }),
      storiesOf(runs)
    )
  )
}

const longest = 40

const room = fc.constantFrom(3, 1, 2, 4, 5, 0)

/** How many may stay: often so few that some must go. */
const bounds: fc.Arbitrary<Pick<Model.Setting, "capacity" | "quotas">> = fc.oneof(
  { withCrossShrink: true },
  fc.constant({}),
  fc.record({ capacity: fc.integer({ min: 0, max: 6 }) }),
  fc.record({ quotas: fc.record({ synthetic: room }) }),
  fc.record({ quotas: fc.record({ real: room, rejected: room }) }),
  fc.record({
    capacity: fc.integer({ min: 2, max: 7 }),
    quotas: fc.record({ real: room, synthetic: room, rejected: room })
  })
)

const isHeldOut: Model.Setting["evaluation"] = ({ id }) => id === Cast.heldOut.task.id

const realOf = Effect.fnUntraced(function* (layer: BufferLayer) {
  const story = yield* Effect.scope
  const open = Effect.gen(function* () {
    const scope = yield* Scope.fork(story)
    return { scope, buffer: yield* openIn(layer, scope) }
  })
  let current = yield* open
  const real: Real = {
    buffer: () => current.buffer,
    reopen: Effect.gen(function* () {
      yield* Scope.close(current.scope, Exit.void)
      current = yield* open
    })
  }
  return real
})

type Run = (model: Model.Model, buffer: Buffer, real: Real) => Effect.Effect<void, unknown>

const step = (
  name: string,
  run: Run,
  check: (model: Model.Model) => boolean = () => true
): Step => ({
  check,
  run: (model, real) => Effect.runPromise(run(model, real.buffer(), real)),
  toString: () => name
})

const adds = Cast.roles.map((roles) =>
  step(`add(${roles.map(Cast.nameOf).join(", ")})`, (model, buffer) =>
    Effect.gen(function* () {
      const list = roles.map(Cast.trajectoryOf)
      const expected = Model.add(model, list)
      yield* same("how many were new", yield* buffer.add(list), expected)
      yield* agrees(model, buffer)
    })
  )
)

const addsHeldOut = Cast.roles.map((roles) =>
  step(`add(${roles.map(Cast.nameOf).join(", ")}, and one for evaluation)`, (model, buffer) =>
    Effect.gen(function* () {
      const addition = buffer.add([...roles.map(Cast.trajectoryOf), Cast.heldOut])
      yield* failsWith("the addition", addition, "ReplayBufferError", "EvaluationData")
      yield* agrees(model, buffer)
    })
  )
)

/** Whole values; first in few words, so that a difference can be read. */
const agrees = Effect.fnUntraced(function* (model: Model.Model, buffer: Buffer) {
  const expected = Model.trajectories(model)
  const kept = yield* Stream.runCollect(buffer.trajectories())
  yield* same("what is kept", kept.map(inBrief), expected.map(inBrief))
  yield* same("the whole of what is kept", kept, expected)
  yield* same("the statistics", yield* buffer.stats, Model.stats(model))
})

const inBrief = ({
  ending,
  id,
  iteration,
  policyVersion,
  transitions,
  verdict
}: Trajectory.Trajectory) =>
  [
    id,
    ...transitions.map(({ provenance }) => provenance._tag[0]),
    ending._tag,
    verdict?._tag,
    `q${(iteration ?? 0) - 1}`,
    `v${policyVersion}`
  ].join(" ")

const share = fc.double({ min: 0, max: 1, noNaN: true })

/** The shares are of the two environments of the cast, or of one and of one that is not there. */
const request = fc
  .tuple(Arbitraries.sampleRequest, share, fc.constantFrom(...Cast.environmentNames, "nowhere"))
  .map(([asked, first, second]): ReplayBuffer.SampleRequest => {
    if (asked.environments === undefined) return asked
    const [kitchen = ""] = Cast.environmentNames
    const environments = { [second]: 1 - first, [kitchen]: second === kitchen ? 1 : first }
    return { ...asked, environments }
  })

const draws = request.map((asked) =>
  step(`draw(${fc.stringify(asked)})`, (model, buffer) => drawsAsTold(model, buffer, asked))
)

/** Ranks are of the whole buffer; no kind can have its share of them. */
const contradicts = share.map((realFraction) =>
  step(`draw(RankBased, realFraction ${realFraction})`, (model, buffer) =>
    drawsAsTold(model, buffer, {
      count: 1,
      key: 1,
      realFraction,
      strategy: { _tag: "RankBased", alpha: 1 }
    })
  )
)

const priorities = fc.array(
  fc.record({
    id: fc.oneof(Cast.words.letter.map(Cast.idOf), fc.constant("nobody")),
    priority: fc.constantFrom(0, 0.25, 1, 3, 8, -3)
  }),
  { minLength: 1, maxLength: 3 }
)

const prioritises = priorities.map((list) =>
  step(
    `prioritise(${list.map(({ id, priority }) => `${id}: ${priority}`).join(", ")})`,
    (model, buffer) =>
      Effect.gen(function* () {
        Model.prioritise(model, list)
        yield* buffer.prioritise(list)
        yield* Effect.forEach(byPriority, (strategy) =>
          drawsAsTold(model, buffer, { count: 8, key: 1, strategy, replacement: true })
        )
      })
  )
)

/** So many that each is drawn, and its chance told. */
const drawsByPriority = (model: Model.Model, buffer: Buffer) =>
  Effect.forEach(
    byPriority,
    (strategy) => drawsAsTold(model, buffer, { count: 8, key: 1, strategy }),
    { discard: true }
  )

const byPriority: ReadonlyArray<ReplayBuffer.Strategy> = [
  { _tag: "Proportional", alpha: 0.7, epsilon: 0.01 },
  { _tag: "RankBased", alpha: 0.7 }
]

const wish: fc.Arbitrary<ReplayBuffer.Filter> = fc.oneof(
  { withCrossShrink: true },
  fc.constant({}),
  fc.record({ source: fc.constantFrom("Real", "Synthetic") }),
  fc.record({ environment: Cast.words.environment }),
  fc.record({ task: Cast.words.task }),
  fc.record({ leastQuality: fc.integer({ min: -1, max: 2 }) }),
  fc.record({ leastVersion: fc.integer({ min: -1, max: 2 }) })
)

/** Two wishes at most: of more, little would be left. */
const filter: fc.Arbitrary<ReplayBuffer.Filter> = fc
  .tuple(wish, wish)
  .map(([one, other]) => ({ ...one, ...other }))

const query: fc.Arbitrary<ReplayBuffer.SimilarQuery> = fc
  .tuple(
    filter,
    fc.record(
      {
        state: Cast.words.state,
        action: Cast.words.action,
        k: fc.nat({ max: 6 }),
        excludeTrajectory: Cast.words.letter.map(Cast.idOf)
      },
      { requiredKeys: ["state", "action", "k"] }
    )
  )
  .map(([wishes, asked]) => ({ ...wishes, ...asked }))

const asks = query.map((asked) =>
  step(`similar(${fc.stringify(asked)})`, (model, buffer) => findsAsTold(model, buffer, asked))
)

const reads = fc
  .tuple(
    filter,
    fc.record({ isSuccess: fc.boolean(), isRejected: fc.boolean() }, { requiredKeys: [] })
  )
  .map(([wishes, kinds]) => ({ ...wishes, ...kinds }))
  .map((wanted) =>
    step(`trajectories(${fc.stringify(wanted)})`, (model, buffer) =>
      Effect.gen(function* () {
        const found = yield* Stream.runCollect(buffer.trajectories(wanted))
        const expected = Model.trajectories(model, wanted)
        yield* same("what is read", found.map(inBrief), expected.map(inBrief))
        yield* same("the whole of what is read", found, expected)
      })
    )
  )

const takesSnapshot = fc.constant(
  step("snapshot", (model, buffer) =>
    Effect.gen(function* () {
      const number = yield* buffer.snapshot
      yield* holds(!model.snapshots.has(number), `snapshot ${number} is there already`)
      Model.snapshot(model, number)
    })
  )
)

/** One of the snapshots that are there, the `nth` from the newest, round and round. */
const ofSnapshot = (
  verb: string,
  run: (model: Model.Model, buffer: Buffer, number: number) => ReturnType<Run>
) =>
  fc.constantFrom(1, 0, 2).map((nth) =>
    step(
      `${verb}(newest but ${nth})`,
      (model, buffer) => {
        const numbers = [...model.snapshots.keys()].toReversed()
        return run(model, buffer, numbers[nth % numbers.length] ?? Number.NaN)
      },
      ({ snapshots }) => snapshots.size > 0
    )
  )

/** What is forgotten cannot be restored, and trying changes nothing. */
const hasForgotten = Effect.fnUntraced(function* (model: Model.Model, buffer: Buffer) {
  for (const number of model.forgotten) {
    const restoration = buffer.restore(number)
    yield* failsWith("the restoration", restoration, "ReplayBufferError", "NoSnapshot")
  }
  yield* agrees(model, buffer)
})

const restores = ofSnapshot("restore", (model, buffer, number) =>
  Effect.gen(function* () {
    Model.restore(model, number)
    yield* buffer.restore(number)
    yield* hasForgotten(model, buffer)
    yield* drawsByPriority(model, buffer)
  })
)

const releases = ofSnapshot("release", (model, buffer, number) =>
  Effect.gen(function* () {
    Model.release(model, number)
    yield* buffer.release(number)
    yield* hasForgotten(model, buffer)
  })
)

/** Whether duplicates are counted for ever or since the opening is left to the buffer. */
const reopens = fc.constant(
  step("close and open", (model, _, real) =>
    Effect.gen(function* () {
      yield* real.reopen
      const { duplicates } = yield* real.buffer().stats
      const isRight = duplicates === 0 || duplicates === model.duplicates
      yield* holds(isRight, `${duplicates} duplicates after ${model.duplicates}, reopened`)
      model.duplicates = duplicates
      yield* hasForgotten(model, real.buffer())
      yield* drawsByPriority(model, real.buffer())
    })
  )
)

const ordinary: ReadonlyArray<fc.Arbitrary<Step>> = [
  adds,
  adds,
  adds,
  adds,
  addsHeldOut,
  draws,
  contradicts,
  prioritises,
  asks,
  asks,
  reads,
  takesSnapshot,
  restores,
  releases
]
