/**
 * The sources of an arm's experience, dreams and the real world, with how much of each an iteration takes and what it costs.
 * What is done with the experience is the business of `Improve`.
 */
import { Curriculum, Environment, Seed } from "@dreamgym/domain"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Arm from "./Arm.ts"
import type * as Buffers from "./Buffers.ts"
import type { Config } from "./Config.ts"
import { stepLimitOf } from "./ConfigRules.ts"
import * as CurriculumMetrics from "./CurriculumMetrics.ts"
import * as Dream from "./Dream.ts"
import type * as Improve from "./Improve.ts"

/** What the curricula of all sources remember, in one list: a task says itself which world it is of. */
export type Memory = Pick<Curriculum.Curriculum["Service"], "records" | "restore">

/**
 * `usedShare`: of `train.realTransitions`, as far as all that is lived is paid from it and nothing else is learnt from beside; else 0.
 * `newSteps`: the real steps that were asked for since this was last asked; `newTokens`: what the experience model read and wrote.
 * `curriculum`: what the curricula of these sources did and do next, as metrics.
 */
export interface Sources {
  readonly arm: Arm.Arm
  readonly all: ReadonlyArray<Improve.Source>
  readonly memory: Memory
  readonly curriculum: (
    parts: Improve.Iteration["parts"]
  ) => Effect.Effect<Readonly<Record<string, number>>>
  readonly usedShare: () => number
  readonly newSteps: Effect.Effect<number>
  readonly newTokens: Effect.Effect<number>
}

/** `spent`: the real steps of earlier processes. `keeps`: real experience enters the run's buffer, else one of its own. */
export interface Options {
  readonly arm: Arm.Arm
  readonly spent: number
  readonly keeps: boolean
}

export const make = Effect.fn("Sources.make")(function* (
  learning: Dream.Learning,
  { arm, keeps, spent: before }: Options
) {
  const { config, world } = learning
  const spent = yield* Ref.make(before)
  const told = yield* Ref.make(before)
  const afford = (count: number) =>
    Effect.map(Ref.get(spent), (sum) => affordable(count, arm.realTransitions - sum, config))
  const real: Count = (iteration) => afford(Arm.realTasks(arm, iteration, config))
  const isLived = arm.realShare(0) > 0 || arm.realShare(arm.iterations - 1) > 0
  const dreams = Arm.dreams(arm, config)
    ? [yield* dreamSource(yield* dreamingOf(learning), arm, real)]
    : []
  const environment = meter(world.environment, spent, arm.realTransitions)
  const metered = { ...learning, world: { ...world, environment } }
  const lived = isLived ? [yield* realSource(metered, arm, keeps, { tasks: real, afford })] : []
  const pools = [...dreams, ...lived]
  const all = pools.map(({ source }) => source)
  const sources: Sources = {
    arm,
    all,
    memory: memoryOf(all, world.environment.name),
    curriculum: CurriculumMetrics.make(pools, world.difficultyOf, Dream.growingOf(config, world)),
    usedShare: () => (arm.name === "mixed" ? 0 : Ref.getUnsafe(spent) / arm.realTransitions),
    newSteps: Effect.flatMap(Ref.get(spent), (sum) =>
      Effect.map(Ref.getAndSet(told, sum), (last) => sum - last)
    ),
    newTokens: dreams[0]?.newTokens ?? Effect.succeed(0)
  }
  return sources
})

type Count = (iteration: number) => Effect.Effect<number>

const dreamingOf = ({ fitted, ...lived }: Dream.Learning): Effect.Effect<Dream.Dreaming> =>
  fitted === undefined
    ? Effect.die(new Error("an arm that dreams needs an experience model"))
    : Effect.succeed({ ...lived, fitted })

/** What the real world does not give is dreamt, but not in the iterations that belong to the real world alone. */
const dreamSource = Effect.fnUntraced(function* (
  dreaming: Dream.Dreaming,
  arm: Arm.Arm,
  real: Count
) {
  const { config } = dreaming
  const { environment, newTokens } = yield* Dream.synthetic(dreaming)
  const services = yield* Layer.build(Dream.layer(dreaming, environment))
  const source: Improve.Source = {
    name: "dream",
    tasks: (iteration) =>
      arm.realShare(iteration) === 1
        ? Effect.succeed(0)
        : Effect.map(real(iteration), (count) => config.train.tasksPerIteration - count),
    seed: Seed.key(config.seed, "dream"),
    services
  }
  return { source, pool: Dream.pool(dreaming.offline), newTokens }
})

const realSource = Effect.fnUntraced(function* (
  lived: Buffers.Lived,
  arm: Arm.Arm,
  keeps: boolean,
  counts: Required<Pick<Improve.Source, "tasks" | "afford">>
) {
  const { buffer, config, world } = lived
  const count = Array.from({ length: arm.iterations }, (_, i) =>
    Arm.realTasks(arm, i, config)
  ).reduce((sum, one) => sum + one, 0)
  const pool = world.practice(count, 0)
  const layer = Dream.layerReal(lived, { tasks: pool, ...(keeps ? { buffer } : {}) })
  const services = yield* Layer.build(layer)
  const seed = Seed.key(config.seed, "real")
  const source: Improve.Source = { name: "real", ...counts, seed, services }
  return { source, pool }
})

/**
 * So many of the `wanted` tasks can be played to their end with `left` transitions. None where that is less than a quarter of them: from
 * a handful of episodes nothing follows.
 */
export const affordable = (wanted: number, left: number, config: Config): number => {
  const each = config.train.groupSize * stepLimitOf(config)
  const count = Math.min(wanted, Math.floor(left / each))
  return 4 * count < wanted ? 0 : count
}

/** The world with a count of every step that is asked of it. No iteration begins that could need more than are left. */
export const meter = (
  environment: Environment.Environment,
  spent: Ref.Ref<number>,
  limit: number
): Environment.Environment => ({
  ...environment,
  start: (task) =>
    Effect.map(environment.start(task), (episode) => ({
      ...episode,
      step: (action) =>
        Effect.flatMap(
          Ref.modify(spent, (sum) => (sum < limit ? [true, sum + 1] : [false, sum])),
          (isPaid) => (isPaid ? episode.step(action) : Effect.fail(isSpent(environment, limit)))
        )
    }))
})

const isSpent = ({ name }: Environment.Environment, limit: number) =>
  new Environment.EnvironmentError({
    reason: "Unavailable",
    environment: name,
    message: `all ${limit} real transitions of train.realTransitions are spent; raise it for more`
  })

const memoryOf = (sources: ReadonlyArray<Improve.Source>, realWorld: string): Memory => {
  const curricula = sources.map(({ name, services }) => ({
    name,
    curriculum: Context.get(services, Curriculum.Curriculum)
  }))
  return {
    records: Effect.map(
      Effect.forEach(curricula, ({ curriculum }) => curriculum.records),
      (records) => records.flat()
    ),
    restore: (saved) =>
      Effect.forEach(
        curricula,
        ({ curriculum, name }) =>
          curriculum.restore(
            saved.filter(({ task }) => (task.environment === realWorld) === (name === "real"))
          ),
        { discard: true }
      )
  }
}
