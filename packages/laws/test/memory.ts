/** A replay buffer in memory, and one that is opened again; `Flaws` say what a broken one does otherwise. */
import { Embedder, Ending, ReplayBuffer, Seed, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Model from "../src/ReplayBufferModel.ts"

type Buffer = ReplayBuffer.ReplayBuffer["Service"]
type Trajectories = ReadonlyArray<Trajectory.Trajectory>
type Demonstrations = ReadonlyArray<ReplayBuffer.Demonstration>

export interface Flaws {
  readonly yieldsInAdd?: boolean
  readonly emptyIsFine?: boolean
  readonly balancesRanks?: boolean
  readonly lists?: (list: Trajectories) => Trajectories
  readonly draw?: (
    model: Model.Model,
    request: ReplayBuffer.SampleRequest
  ) => ReadonlyArray<Weighed>
  readonly importance?: (drawn: ReplayBuffer.Drawn) => number
  readonly stats?: Partial<ReplayBuffer.BufferStats>
  readonly similar?: (found: Demonstrations, query: ReplayBuffer.SimilarQuery) => Demonstrations
  readonly query?: (query: ReplayBuffer.SimilarQuery) => ReplayBuffer.SimilarQuery
  readonly mixesQuestions?: boolean
  readonly forgets?: (model: Model.Model) => void
  /** Instead of the model's own. */
  readonly rules?: Partial<
    Pick<typeof Model, "add" | "prioritise" | "restore" | "release" | "drawable" | "findable">
  >
}

const wordsOf = (text: string) => new Set(text.split(" "))

/** The cosine of two sets of words. */
const likeness = (a: string, b: string): number => {
  const [left, right] = [wordsOf(a), wordsOf(b)]
  const common = [...left].filter((word) => right.has(word))
  return common.length / Math.sqrt(left.size * right.size)
}

const isReal = ({ provenance }: Trajectory.Transition) => provenance._tag === "Real"

type Likeness = (a: Embedder.Pair, b: Embedder.Pair) => number

const byWords: Likeness = (a, b) => likeness(`${a.state} : ${a.action}`, `${b.state} : ${b.action}`)

/** All that is wanted, the most alike first. */
const similarIn = (
  found: ReadonlyArray<Model.Findable>,
  query: ReplayBuffer.SimilarQuery,
  likenessOf: Likeness
): Demonstrations =>
  found
    .map(({ age, task, transition }) => ({
      id: `${age}`,
      task,
      transition,
      similarity: likenessOf(
        { state: transition.observation, action: transition.action.text },
        query
      )
    }))
    .sort(
      (a, b) =>
        b.similarity - a.similarity || Number(isReal(b.transition)) - Number(isReal(a.transition))
    )

export interface Weighed {
  readonly item: Model.Item
  readonly probability: number
}

interface Part {
  readonly weighed: ReadonlyArray<Weighed>
  readonly count: number
}

/** As near to the shares as there is enough of each: the largest remainders first, then whoever has more. */
const apportion = (count: number, shares: ReadonlyArray<number>, sizes: ReadonlyArray<number>) => {
  const total = shares.reduce((sum, x, i) => sum + ((sizes[i] ?? 0) > 0 ? x : 0), 0)
  const wanted = shares.map((x) => (total > 0 ? (x / total) * count : 0))
  const given = wanted.map((x, i) => Math.min(Math.floor(x + 1e-9), sizes[i] ?? 0))
  const byNeed = [...given.keys()].sort(
    (a, b) => (wanted[b] ?? 0) - (given[b] ?? 0) - (wanted[a] ?? 0) + (given[a] ?? 0)
  )
  for (let rest = count - given.reduce((sum, n) => sum + n, 0); rest > 0;) {
    const open = byNeed.filter((i) => (given[i] ?? 0) < (sizes[i] ?? 0))
    const first = open.filter((i) => (shares[i] ?? 0) > 0)
    for (const i of (first.length > 0 ? first : open).slice(0, rest)) {
      given[i] = (given[i] ?? 0) + 1
      rest--
    }
  }
  return given
}

const split = (
  { count, weighed }: Part,
  kindOf: (one: Trajectory.Trajectory) => string,
  shares: Readonly<Record<string, number>>,
  isEndless: boolean
): ReadonlyArray<Part> => {
  const groups = [...Map.groupBy(weighed, ({ item }) => kindOf(item.trajectory))]
  const sizes = groups.map(([, group]) => (isEndless ? count : group.length))
  const counts = apportion(
    count,
    groups.map(([kind]) => shares[kind] ?? 0),
    sizes
  )
  return groups.map(([, group], i) => ({ weighed: group, count: counts[i] ?? 0 }))
}

const realityOf = (one: Trajectory.Trajectory) => `${Trajectory.isReal(one)}`
const successOf = ({ ending }: Trajectory.Trajectory) => `${Ending.isSuccess(ending)}`

/** The successes of all parts together; where one has not enough, the next has more. */
const bySuccess = (parts: ReadonlyArray<Part>, target: number, isEndless: boolean) => {
  let rest = target
  const bounds = parts.map(({ count, weighed }) => {
    const wins = weighed.filter(({ item }) => successOf(item.trajectory) === "true").length
    const losses = weighed.length - wins
    const low = isEndless ? (losses === 0 ? count : 0) : Math.max(0, count - losses)
    const high = isEndless ? (wins === 0 ? 0 : count) : Math.min(count, wins)
    rest -= low
    return { low, high }
  })
  return parts.flatMap((part, i) => {
    const { high, low } = bounds[i] ?? { low: 0, high: 0 }
    const wins = low + Math.max(0, Math.min(rest, high - low))
    rest -= wins - low
    const shares = { true: wins / (part.count || 1), false: 1 - wins / (part.count || 1) }
    return split(part, successOf, shares, isEndless)
  })
}

const partsOf = (whole: Part, request: ReplayBuffer.SampleRequest): ReadonlyArray<Part> => {
  const { environments, realFraction, replacement = false, successFraction } = request
  const { count } = whole
  const real =
    realFraction === undefined
      ? [whole]
      : split(whole, realityOf, { true: realFraction, false: 1 - realFraction }, replacement)
  const won =
    successFraction === undefined
      ? real
      : bySuccess(real, Math.round(count * successFraction), replacement)
  return environments === undefined
    ? won
    : won.flatMap((part) => split(part, ({ task }) => task.environment, environments, replacement))
}

/** One after the other, each by its weight among those that are left. */
const drawPart = (
  random: () => number,
  { count, weighed }: Part,
  share: number,
  again: boolean
) => {
  const total = weighed.reduce((sum, { probability }) => sum + probability, 0)
  const left = [...weighed]
  const drawn: Array<Weighed> = []
  while (drawn.length < count) {
    let point = random() * left.reduce((sum, { probability }) => sum + probability, 0)
    const found = left.findIndex(({ probability }) => (point -= probability) < 0)
    const at = found < 0 ? left.length - 1 : found
    const one = left[at]
    if (one === undefined) break
    drawn.push({ ...one, probability: (one.probability / total) * share })
    if (!again) left.splice(at, 1)
  }
  return drawn
}

/** Equal priorities rank by age; what is gone leaves no trace in the ages. */
const weightsOf = (
  { items: all }: Model.Model,
  items: ReadonlyArray<Model.Item>,
  strategy: ReplayBuffer.Strategy
): ReadonlyArray<number> => {
  const ranked = items.toSorted((a, b) => Math.abs(b.priority) - Math.abs(a.priority))
  return items.map((item) => {
    if (strategy._tag === "Uniform") return 1
    if (strategy._tag === "Proportional")
      return (Math.abs(item.priority) + strategy.epsilon) ** strategy.alpha
    return strategy._tag === "RankBased"
      ? (ranked.indexOf(item) + 1) ** -strategy.alpha
      : 2 ** ((all.indexOf(item) - all.length) / strategy.halfLife)
  })
}

export const drawSoundly = (
  model: Model.Model,
  items: ReadonlyArray<Model.Item>,
  request: ReplayBuffer.SampleRequest
): ReadonlyArray<Weighed> => {
  const { count, key, replacement = false, strategy = { _tag: "Uniform" } } = request
  const weights = weightsOf(model, items, strategy)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const weighed = items.map((item, i) => ({ item, probability: (weights[i] ?? 0) / total }))
  const drawn: Array<Weighed> = []
  for (let round = 0; drawn.length < count; round++) {
    const rest = replacement ? count - drawn.length : Math.min(count - drawn.length, items.length)
    const random = Seed.generator(Seed.key(key, "draw", round))
    const parts = partsOf({ weighed, count: rest }, request)
    drawn.push(...parts.flatMap((part) => drawPart(random, part, part.count / rest, replacement)))
  }
  return drawn
}

const weigh = (
  drawn: ReadonlyArray<Weighed>,
  size: number,
  beta: number
): ReadonlyArray<ReplayBuffer.Drawn> => {
  const weights = drawn.map(({ probability }) => (size * probability) ** -beta)
  const greatest = Math.max(...weights)
  return drawn.map(({ item, probability }, i) => ({
    trajectory: item.trajectory,
    probability,
    importance: (weights[i] ?? 0) / greatest
  }))
}

const errorOf = (reason: ReplayBuffer.ReplayBufferError["reason"]) =>
  new ReplayBuffer.ReplayBufferError({ reason, message: reason })

const isContradiction = ({
  environments,
  realFraction,
  strategy,
  successFraction
}: ReplayBuffer.SampleRequest) =>
  strategy?._tag === "RankBased" &&
  [environments, realFraction, successFraction].some((wish) => wish !== undefined)

/** `model` is what it holds, and keeps when it is closed; `cosine` is of the embedder, where there is one. */
const make = (flaws: Flaws, model: Model.Model, cosine?: Likeness): Buffer => {
  const rules = { ...Model, ...flaws.rules }
  let latest: ReplayBuffer.SimilarQuery
  let next = model.snapshots.size + model.forgotten.size
  const add = Effect.fnUntraced(function* (trajectories: Trajectories) {
    const before = model.items
    const fresh = rules.add(model, trajectories)
    if (fresh === undefined) return yield* errorOf("EvaluationData")
    if (flaws.yieldsInAdd) {
      const after = model.items
      model.items = before
      yield* Effect.yieldNow
      model.items = after
    }
    return fresh
  })
  const draw = Effect.fnUntraced(function* (request: ReplayBuffer.SampleRequest) {
    if (isContradiction(request) && !flaws.balancesRanks) return yield* errorOf("BadRequest")
    const items = rules.drawable(model)
    if (items.length === 0) return flaws.emptyIsFine ? [] : yield* errorOf("NotEnough")
    const drawn = (flaws.draw ?? ((_, asked) => drawSoundly(model, items, asked)))(model, request)
    return weigh(drawn, items.length, request.beta ?? 1).map((one) => ({
      ...one,
      ...(flaws.importance === undefined ? {} : { importance: flaws.importance(one) })
    }))
  })
  const known = (number: number, then: () => void) =>
    model.snapshots.has(number) ? Effect.sync(then) : Effect.fail(errorOf("NoSnapshot"))
  return ReplayBuffer.ReplayBuffer.of({
    add,
    draw,
    sample: (request) => Effect.map(draw(request), (list) => list.map((one) => one.trajectory)),
    prioritise: (list) => Effect.sync(() => rules.prioritise(model, list)),
    similar: Effect.fnUntraced(function* (own: ReplayBuffer.SimilarQuery) {
      latest = own
      if (flaws.mixesQuestions) yield* Effect.yieldNow
      const asked = flaws.mixesQuestions ? latest : own
      const query = flaws.query?.(asked) ?? asked
      const found = similarIn(rules.findable(model, query), query, cosine ?? byWords)
      return flaws.similar?.(found, query) ?? found.slice(0, query.k)
    }),
    stats: Effect.sync(() => ({ ...Model.stats(model), ...flaws.stats })),
    trajectories: (filter) =>
      Stream.suspend(() => {
        const list = Model.trajectories(model, filter)
        return Stream.fromIterable(flaws.lists?.(list) ?? list)
      }),
    snapshot: Effect.sync(() => {
      Model.snapshot(model, next)
      return next++
    }),
    restore: (number) => known(number, () => rules.restore(model, number)),
    release: (number) => known(number, () => rules.release(model, number))
  })
}

const layerOf = (flaws: Flaws, model: () => Model.Model, cosine?: Likeness) =>
  Layer.sync(ReplayBuffer.ReplayBuffer, () => make(flaws, model(), cosine))

export const layer = (setting: Model.Setting, flaws: Flaws = {}) =>
  layerOf(flaws, () => Model.make(setting))

/** A new place; the layer opens it again and again. */
export const durable = (setting: Model.Setting, flaws: Flaws = {}) =>
  Effect.sync(() => {
    const model = Model.make(setting)
    return layerOf(flaws, () => {
      flaws.forgets?.(model)
      return model
    })
  })

/** Finds by the cosines of `embedder`, or by those that `distort` makes of them. */
export const embedded = (
  embedder: Embedder.Embedder,
  flaws: Flaws = {},
  distort: (cosine: number) => number = (cosine) => cosine
) => {
  const vectorOf = (pair: Embedder.Pair) => {
    const [vector = new Float32Array()] = Effect.runSync(embedder.embed([Embedder.textOf(pair)]))
    return vector
  }
  const product = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)
  const cosine: Likeness = (left, right) => {
    const [a, b] = [vectorOf(left), vectorOf(right)]
    return distort(product(a, b) / Math.sqrt(product(a, a) * product(b, b)))
  }
  return layerOf(flaws, () => Model.make({ evaluation: () => false, quality: () => 1 }), cosine)
}
