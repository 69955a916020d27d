/**
 * The curriculum (paper, Eq. 7): tasks whose outcomes vary most for the present policy seed new ones, next to the original pool.
 * It chooses tasks and never rewards; what it knows is its records, in their order, and nothing else.
 */
import { Curriculum, Seed, type Task, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Growth from "./Growth.ts"
import * as TaskScore from "./TaskScore.ts"

/**
 * `pool`: the original tasks. `lambda`: largest share of generated tasks in a proposal, in [0, 1]. `failedShare` (default 0.1): quota
 * of original tasks on which every attempt of the last group failed. Seeds: the `maxSeeds` (default 8) tasks of highest variance
 * above `minVariance` (default 0.05; 0.25 is the most for rewards 0 and 1), each asked for `perSeed` (default 2) variations or as
 * many as fill the share. `cluster`: tasks with one name share their group for the variance, as the paper has it for PPO (default:
 * each task by itself). `maxGenerated` (default 1000) bounds the generated tasks remembered; the longest unseen goes first.
 * `score` (default: the variance), ours by name or one of the caller's own, says which tasks are seeds in place of the variance, and which
 * of the original ones come again: the share `againShare` (default 0) goes to those of the highest above 0, of equal
 * ones to those offered longest ago. `growing`: only so much of the pool is open (default: all of it).
 */
export interface Options {
  readonly pool: ReadonlyArray<Task.Task>
  readonly lambda: number
  readonly failedShare?: number
  readonly maxSeeds?: number
  readonly minVariance?: number
  readonly perSeed?: number
  readonly cluster?: (task: Task.Task) => string
  readonly maxGenerated?: number
  readonly score?: TaskScore.Name | TaskScore.Score
  readonly againShare?: number
  readonly growing?: Growth.Growing
}

/**
 * `propose(n, key)` gives n tasks: at most floor(lambda n) generated ones, then floor(failedShare n) failed ones as far as there are,
 * then the pool: never offered first, in a random order of `key`, then those offered longest ago; so all are offered before any
 * comes again. It asks the task generator only where there are seeds; what was observed and is neither of the pool nor generated (an
 * evaluation task, say) is no seed. An empty pool is an error: `NoSeedTasks`.
 *
 * `records` holds each task offered or observed, the one offered longest ago first: the order is part of the state.
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const generator = yield* Curriculum.TaskGenerator
  const openOf = openingOf(options)
  const records = yield* Ref.make<ReadonlyArray<Curriculum.TaskRecord>>([])
  return Curriculum.Curriculum.of({
    observe: (groups) =>
      Ref.update(records, (before) =>
        forget(options, observed(before, groups, options.cluster, options.score !== undefined))
      ),
    propose: Effect.fn("Curriculum.propose")(function* (count, key) {
      const before = yield* Ref.get(records)
      const generated = yield* generatedTasks(generator, options, before, count, key)
      const places = count - generated.length
      const originals = originalTasks(options, openOf(before), before, places, count, key)
      if (originals.length + generated.length < count) return yield* emptyPool()
      const proposal = [...generated, ...originals]
      yield* Ref.update(records, (now) => offered(now, proposal))
      return Seed.shuffle(Seed.generator(Seed.key(key, "order")), proposal)
    }),
    records: Ref.get(records),
    restore: (saved) => Ref.set(records, saved)
  })
})

export const layer = (
  options: Options
): Layer.Layer<Curriculum.Curriculum, never, Curriculum.TaskGenerator> =>
  Layer.effect(Curriculum.Curriculum, make(options))

/** The returns that count: of trajectories that came to an end; a fault says nothing of the task. */
export const scoredReturns = (group: Trajectory.TrajectoryGroup): ReadonlyArray<number> =>
  group.trajectories
    .filter((trajectory) => trajectory.ending._tag !== "Failed")
    .map(Trajectory.totalReward)

/** Population mean and variance (1/n), as in Eq. 7; both 0 for no values. */
export const meanAndVariance = (
  values: ReadonlyArray<number>
): { readonly mean: number; readonly variance: number } => {
  if (values.length === 0) return { mean: 0, variance: 0 }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, variance }
}

/** The tasks of the highest score above `least` (seeds for the task generator), equal ones in the order of their ids. */
export const seedsOf = (
  records: ReadonlyArray<Curriculum.TaskRecord>,
  most: number,
  least: number,
  score: TaskScore.Name | TaskScore.Score = "variance"
): ReadonlyArray<Task.Task> =>
  highest(
    records.toSorted((a, b) => (a.task.id < b.task.id ? -1 : 1)),
    most,
    least,
    score
  )

/** The tasks of the highest score above `least`, equal ones in the order of the records. */
const highest = (
  records: ReadonlyArray<Curriculum.TaskRecord>,
  most: number,
  least: number,
  by: TaskScore.Name | TaskScore.Score = "variance"
): ReadonlyArray<Task.Task> => {
  const scoreOf = TaskScore.of(by)
  return records
    .map((record) => ({ task: record.task, score: scoreOf(record) }))
    .filter(({ score }) => score > least)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, most)
    .map(({ task }) => task)
}

/**
 * Records after these groups: `attempts` of all time, mean and variance of the last group; a task of which nothing was scored keeps
 * its record. The variance is that of the whole cluster's returns. `hasHistory`: whether more is remembered (`TaskHistory`).
 */
export const observed = (
  records: ReadonlyArray<Curriculum.TaskRecord>,
  groups: ReadonlyArray<Trajectory.TrajectoryGroup>,
  cluster: (task: Task.Task) => string = nameOf,
  hasHistory = false
): ReadonlyArray<Curriculum.TaskRecord> => {
  const returnsOf = (name: (task: Task.Task) => string) =>
    Map.groupBy(
      groups.flatMap((group) => scoredReturns(group).map((value) => ({ task: group.task, value }))),
      ({ task }) => name(task)
    )
  const byTask = returnsOf(nameOf)
  const byCluster = returnsOf(cluster)
  const updated = new Map(records.map((record) => [nameOf(record.task), record]))
  for (const [name, own] of byTask) {
    const task = own[0]?.task
    if (task === undefined) continue
    const returns = own.map(({ value }) => value)
    const { mean } = meanAndVariance(returns)
    const all = byCluster.get(cluster(task)) ?? own
    const { variance } = meanAndVariance(all.map(({ value }) => value))
    const before = updated.get(name)
    const attempts = (before?.attempts ?? 0) + own.length
    const history = hasHistory ? { history: TaskScore.grown(before, returns) } : {}
    updated.set(name, { task, attempts, meanReturn: mean, variance, ...history })
  }
  return [...updated.values()]
}

/** Tasks of different environments may share an id: a dream has its real task's. */
const nameOf = (task: Task.Task): string => `${task.environment}\n${task.id}`

const isGenerated = (task: Task.Task): boolean => task.origin._tag === "Generated"

const generatedTasks = Effect.fnUntraced(function* (
  generator: Curriculum.TaskGenerator["Service"],
  options: Options,
  records: ReadonlyArray<Curriculum.TaskRecord>,
  count: number,
  key: Seed.Key
) {
  const share = shareOf(options.lambda, count)
  const { maxSeeds = 8, minVariance = 0.05, score } = options
  const inPool = new Set(options.pool.map(nameOf))
  const ours = records.filter(({ task }) => isGenerated(task) || inPool.has(nameOf(task)))
  const seeds = seedsOf(ours, maxSeeds, minVariance, score)
  if (share === 0 || seeds.length === 0) return []
  const perSeed = Math.max(options.perSeed ?? 2, Math.ceil(share / seeds.length))
  const known = new Set([...inPool, ...records.map(({ task }) => nameOf(task))])
  return yield* generator.variations(seeds, { perSeed, key: Seed.key(key, "variations") }).pipe(
    Stream.filter((task) => isGenerated(task) && !known.has(nameOf(task))),
    Stream.take(share),
    Stream.runCollect
  )
})

const openingOf = ({ growing, pool }: Options) =>
  growing === undefined ? () => pool : Growth.opening(pool, growing)

/** `places` original tasks of the open `pool`; the quotas are shares of the whole proposal of `count`. */
const originalTasks = (
  { againShare = 0, failedShare = 0.1, score }: Options,
  pool: ReadonlyArray<Task.Task>,
  records: ReadonlyArray<Curriculum.TaskRecord>,
  places: number,
  count: number,
  key: Seed.Key
): ReadonlyArray<Task.Task> => {
  const inPool = new Set(pool.map(nameOf))
  const own = records.filter(({ task }) => inPool.has(nameOf(task)))
  const failed = own.filter(hasFailed).map((record) => record.task)
  const quota = Math.min(places, shareOf(failedShare, count))
  const drawn = draw(failed, quota, Seed.key(key, "failed"))
  const again = Math.min(places - drawn.length, shareOf(againShare, count))
  const isDrawn = new Set(drawn.map(nameOf))
  const others = own.filter(({ task }) => !isDrawn.has(nameOf(task)))
  const chosen = [...drawn, ...highest(others, again, 0, score)]
  const taken = new Set(chosen.map(nameOf))
  const rest = queueOf(pool, records, key).filter((task) => !taken.has(nameOf(task)))
  // A pool smaller than the proposal goes round.
  const round = [...rest, ...chosen]
  const turns = Array.from({ length: places - chosen.length }, (_, i) => round[i % round.length])
  return [...chosen, ...turns.flatMap((task) => (task === undefined ? [] : [task]))]
}

/** floor(share * count), with 0.29 * 100 = 28.999... read as 29. */
const shareOf = (share: number, count: number): number =>
  Math.max(0, Math.floor(Math.min(1, share) * count + 1e-9))

const hasFailed = (record: Curriculum.TaskRecord): boolean =>
  record.attempts > 0 && record.meanReturn <= 0

const draw = <A>(values: ReadonlyArray<A>, count: number, key: Seed.Key): ReadonlyArray<A> =>
  Seed.shuffle(Seed.generator(key), values).slice(0, count)

/** The pool in the order of its turn. */
const queueOf = (
  pool: ReadonlyArray<Task.Task>,
  records: ReadonlyArray<Curriculum.TaskRecord>,
  key: Seed.Key
): ReadonlyArray<Task.Task> => {
  const turn = new Map(records.map((record, place) => [nameOf(record.task), place]))
  const fresh = pool.filter((task) => !turn.has(nameOf(task)))
  const placeOf = (task: Task.Task) => turn.get(nameOf(task)) ?? -1
  const waiting = pool
    .filter((task) => turn.has(nameOf(task)))
    .toSorted((a, b) => placeOf(a) - placeOf(b))
  return [...Seed.shuffle(Seed.generator(Seed.key(key, "pool")), fresh), ...waiting]
}

/** The offered tasks move to the end; those not known yet enter with no attempts. */
const offered = (
  records: ReadonlyArray<Curriculum.TaskRecord>,
  proposal: ReadonlyArray<Task.Task>
): ReadonlyArray<Curriculum.TaskRecord> => {
  const byName = new Map(records.map((record) => [nameOf(record.task), record]))
  for (const task of proposal) {
    const unseen = { task, attempts: 0, meanReturn: 0, variance: 0 }
    const record = byName.get(nameOf(task)) ?? unseen
    byName.delete(nameOf(task))
    byName.set(nameOf(task), record)
  }
  return [...byName.values()]
}

/** Original tasks are never forgotten. */
const forget = (
  options: Options,
  records: ReadonlyArray<Curriculum.TaskRecord>
): ReadonlyArray<Curriculum.TaskRecord> => {
  const generated = records.filter((record) => isGenerated(record.task))
  const tooMany = generated.length - (options.maxGenerated ?? 1000)
  if (tooMany <= 0) return records
  const forgotten = new Set(generated.slice(0, tooMany))
  return records.filter((record) => !forgotten.has(record))
}

const emptyPool = () =>
  new Curriculum.TaskGeneratorError({
    reason: "NoSeedTasks",
    message:
      "the pool of original tasks is empty; give the curriculum the tasks of the training split"
  })
