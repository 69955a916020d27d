/**
 * The laws of drawing: in balance, each once, decided by the key, as often as the strategy says.
 * They judge samples, not what is learnt from them.
 */
import { Ending, type ReplayBuffer, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Arbitraries from "./Arbitraries.ts"
import { always, plain, renamed, within, type Buffer, type Options } from "./BufferUnderTest.ts"
import { hasWeights, isBalanced, isEachOnce } from "./DrawChecks.ts"
import { failsWith, holds, law, same, type Law } from "./Law.ts"
import * as Cast from "./ReplayBufferCast.ts"
import * as Model from "./ReplayBufferModel.ts"

export type Trajectories = ReadonlyArray<Trajectory.Trajectory>

/** One of each strategy, so that a new one without its laws does not compile. */
const strategyOf: { readonly [Tag in Tags]: ReplayBuffer.Strategy } = {
  Uniform: { _tag: "Uniform" },
  Proportional: { _tag: "Proportional", alpha: 0.6, epsilon: 0.01 },
  RankBased: { _tag: "RankBased", alpha: 0.7 },
  Recency: { _tag: "Recency", halfLife: 3 }
}

type Tags = ReplayBuffer.Strategy["_tag"]

export const strategies: ReadonlyArray<ReplayBuffer.Strategy> = Object.values(strategyOf)

export const samplingLaws = (options: Options): ReadonlyArray<Law> => [
  samplesInBalance(options),
  samplesEnvironmentsInBalance(options),
  samplesEachOnce(options),
  samplesByKey(options),
  hasNothingToDraw(options),
  refusesContradictions(options),
  ...strategies.map((strategy) => drawsAsOftenAsSaid(options, strategy))
]

/** Each of another task, so that all contents differ; none failed or was rejected, because those may not be drawn. */
export const distinct: fc.Arbitrary<Trajectories> = fc
  .array(
    fc.oneof(
      Arbitraries.trajectoryLike({
        provenance: Arbitraries.real,
        ending: Arbitraries.terminated,
        verdict: Arbitraries.accepted
      }),
      Arbitraries.trajectoryLike({
        provenance: Arbitraries.synthetic,
        ending: Arbitraries.terminated,
        verdict: Arbitraries.accepted,
        minTransitions: 1
      })
    ),
    { minLength: 1, maxLength: 8 }
  )
  .map((list) => list.map((one, i) => renamed(one, `task-${i}`)))

const share = fc.double({ min: 0, max: 1, noNaN: true })

const balanced = fc.record(
  {
    count: fc.integer({ min: 1, max: 12 }),
    key: fc.nat(),
    realFraction: share,
    successFraction: share,
    replacement: fc.boolean()
  },
  { requiredKeys: ["count", "key"] }
)

const samplesInBalance = (options: Options) =>
  always(
    "a sample is as real and as successful as was asked, as far as there is enough",
    options,
    fc.tuple(distinct, balanced),
    ([list, asked], buffer) =>
      Effect.gen(function* () {
        yield* buffer.add(list)
        yield* isBalanced(list, yield* buffer.sample(asked), asked)
      })
  )

/** With others than the two that have a share, as it happens. */
const places = ["kitchen", "attic"] as const

const ofPlaces = fc
  .tuple(distinct, share, balanced)
  .map(([list, first, { count, key, replacement = false }]) => {
    const environments = { kitchen: first, attic: 1 - first }
    const inPlaces = list.map((one, i) => {
      const environment = places[(i * i) % 3 === 0 ? 0 : 1]
      return { ...one, task: { ...one.task, environment } }
    })
    return [inPlaces, { count, key, replacement, environments }] as const
  })

const samplesEnvironmentsInBalance = (options: Options) =>
  always(
    "a sample has the share of each environment that was asked, as far as there is enough",
    options,
    ofPlaces,
    ([list, asked], buffer) =>
      Effect.gen(function* () {
        yield* buffer.add(list)
        yield* isBalanced(list, yield* buffer.sample(asked), asked)
      })
  )

const asked = fc.tuple(distinct, Arbitraries.sampleRequest)

const samplesEachOnce = (options: Options) =>
  always("none is drawn twice before all were drawn once", options, asked, ([list, all], buffer) =>
    Effect.gen(function* () {
      const request = { ...all, replacement: false }
      yield* buffer.add(list)
      const sample = yield* buffer.sample(request)
      yield* same("the size of the sample", sample.length, request.count)
      const items = list.map((trajectory, seq) => ({ trajectory, seq, priority: 1 }))
      yield* isEachOnce(items, sample, request)
    })
  )

const samplesByKey = (options: Options) =>
  always("the same key draws the same sample", options, asked, ([list, request], buffer) =>
    Effect.gen(function* () {
      yield* buffer.add(list)
      const once = yield* buffer.sample(request)
      yield* same("the second sample", yield* buffer.sample(request), once)
    })
  )

const hasNothingToDraw = (options: Options) =>
  always("an empty buffer has not enough", options, Arbitraries.sampleRequest, (request, buffer) =>
    failsWith("the sample", buffer.sample(request), "ReplayBufferError", "NotEnough")
  )

const refusesContradictions = (options: Options) =>
  always(
    "ranks are of the whole buffer, so that no balance goes with them",
    options,
    fc.tuple(distinct, Arbitraries.sampleRequest),
    ([list, { environments, realFraction = 0.5, successFraction }], buffer) =>
      Effect.gen(function* () {
        yield* buffer.add(list)
        const wishes = [
          { realFraction },
          ...(environments === undefined ? [] : [{ environments }]),
          ...(successFraction === undefined ? [] : [{ successFraction }])
        ]
        for (const wish of wishes) {
          const request = { count: 1, key: 1, strategy: strategyOf.RankBased, ...wish }
          const draw = buffer.draw(request)
          yield* failsWith("the draw", draw, "ReplayBufferError", "BadRequest")
        }
      })
  )

/** Real ones and dreams in turn; the last two may not be drawn. */
const population: Trajectories = Array.from({ length: 12 }, (_, i) => {
  const one = Cast.trajectoryOf({
    letter: "B",
    by: i % 2 === 0 ? "real" : "dream",
    ending: i === 11 ? "failed" : i % 3 === 0 ? "won" : "lost",
    judged: i === 10 ? "rejected" : "unjudged",
    quality: 0,
    version: 0
  })
  return renamed(one, `${i}`)
})

const priorities: ReadonlyArray<ReplayBuffer.Priority> = population.map(({ id }, i) => ({
  id,
  priority: ((i * 7) % 12) ** 1.5
}))

/** Draws of so many, by so many keys. */
const [size, keys] = [200, 20]

const drawsAsOftenAsSaid = ({ buffer }: Options, strategy: ReplayBuffer.Strategy): Law =>
  law(
    `by ${strategy._tag}, each is drawn as often as its chance says, in balance or not`,
    within(buffer(plain), (service) =>
      Effect.gen(function* () {
        yield* service.add(population)
        yield* service.prioritise(priorities)
        yield* drawsByChance(service, { strategy })
        yield* drawsAloneByChance(service, strategy)
        if (strategy._tag === "RankBased") return
        yield* drawsByChance(service, { strategy, realFraction: 0.25 })
        yield* drawsByChance(service, { strategy, successFraction: 0.75 })
      })
    )
  )

type Balance = Pick<ReplayBuffer.SampleRequest, "strategy" | "realFraction" | "successFraction">

const drawsByChance = Effect.fnUntraced(function* (buffer: Buffer, balance: Balance) {
  const expected = chancesOf(balance)
  const counts = new Map([...expected.keys()].map((id) => [id, 0]))
  for (let key = 0; key < keys; key++) {
    const request = { ...balance, count: size, key, replacement: true, beta: key / keys }
    const drawn = yield* buffer.draw(request)
    yield* hasWeights(expected.size, drawn, request)
    for (const { probability, trajectory } of drawn) {
      const chance = expected.get(trajectory.id) ?? 0
      const isSo = Math.abs(probability - chance) <= 1e-6 * chance
      yield* holds(isSo, `${trajectory.id} was drawn with ${probability}, its chance is ${chance}`)
      counts.set(trajectory.id, (counts.get(trajectory.id) ?? 0) + 1)
    }
  }
  yield* isLikely(expected, counts, keys * size)
})

/** Draws of one by one key each. */
const drawsAloneByChance = Effect.fnUntraced(function* (
  buffer: Buffer,
  strategy: ReplayBuffer.Strategy
) {
  const counts = new Map<string, number>()
  for (let key = 0; key < size; key++) {
    for (const { id } of yield* buffer.sample({ count: 1, key, strategy })) {
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  }
  yield* isLikely(chancesOf({ strategy }), counts, size)
})

/** The chance of each to be the next one drawn: within its kind as the strategy says, of its kind as was asked. */
const chancesOf = ({
  realFraction,
  strategy = strategyOf.Uniform,
  successFraction
}: Balance): ReadonlyMap<string, number> => {
  const model = Model.make(plain)
  Model.add(model, population)
  Model.prioritise(model, priorities)
  const items = Model.drawable(model)
  const alone = Model.chances(model, items, strategy).map(({ low }) => low)
  const isFirst = ({ trajectory }: Model.Item) =>
    realFraction === undefined
      ? Ending.isSuccess(trajectory.ending)
      : trajectory.transitions.some(({ provenance }) => provenance._tag === "Real")
  const fraction = realFraction ?? successFraction
  const sumOf = (wanted: boolean) =>
    alone.reduce((sum, chance, i) => {
      const item = items[i]
      return item !== undefined && isFirst(item) === wanted ? sum + chance : sum
    }, 0)
  return new Map(
    items.map((item, i) => {
      const first = isFirst(item)
      const factor = fraction === undefined ? 1 : (first ? fraction : 1 - fraction) / sumOf(first)
      return [item.trajectory.id, (alone[i] ?? 0) * factor]
    })
  )
}

/** Pearson's chi-square of the counts; beyond five standard deviations it is no accident. */
const isLikely = (
  expected: ReadonlyMap<string, number>,
  counts: ReadonlyMap<string, number>,
  total: number
): Effect.Effect<void, unknown> => {
  const deviation = [...expected].reduce((sum, [id, chance]) => {
    const wanted = chance * total
    return sum + ((counts.get(id) ?? 0) - wanted) ** 2 / wanted
  }, 0)
  const limit = greatest(expected.size - 1)
  const shown = [...expected].map(
    ([id, chance]) => `${id}: ${counts.get(id) ?? 0} of ${(chance * total).toFixed(1)}`
  )
  return holds(
    deviation <= limit,
    `chi-square is ${deviation.toFixed(1)}, beyond ${limit.toFixed(1)}; drawn and expected are ${shown.join(", ")}`
  )
}

/** Of chi-square with so many degrees of freedom, at five standard deviations (Wilson and Hilferty 1931). */
const greatest = (degrees: number): number => {
  const part = 2 / (9 * degrees)
  return degrees * (1 - part + 5 * Math.sqrt(part)) ** 3
}
