/** Tests of dreaming with experience models, worlds and players that break: what is broken teaches nothing. */
import {
  Ending,
  Environment,
  type LanguageModel,
  QualityFilter,
  type RunEvent,
  type Trajectory
} from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as Arm from "../src/Arm.ts"
import * as Dream from "../src/Dream.ts"
import * as Evaluate from "../src/Evaluate.ts"
import * as Improve from "../src/Improve.ts"
import * as Phases from "../src/Phases.ts"
import { RunDirectory } from "../src/RunDirectory.ts"
import * as RunLog from "../src/RunLog.ts"
import { creature, dreamingOf, keeping, run, saying, unreachable } from "./dreaming.ts"

/** Two iterations of dreaming with the real learner, and the parameters before and after. */
const dreamt = Effect.fnUntraced(function* (
  model: LanguageModel.Model,
  more: ReadonlyArray<string> = []
) {
  const dreaming = yield* dreamingOf(model, more)
  const { config, fitted, world } = dreaming
  const { environment } = yield* Dream.synthetic(dreaming)
  const before = fitted.trainable.parameters.memory.slice(0)
  const learning = Dream.learning(fitted.trainable, fitted.trainable, dreaming, {
    purpose: "dreamt",
    worker: 0,
    shards: 1
  })
  const iterations = yield* Improve.iterations(
    Dream.improveOptions(config, world, 0, "dream")
  ).pipe(
    Stream.runCollect,
    Effect.provide(Layer.merge(Dream.layer(dreaming, environment), learning))
  )
  const isChanged = !isSame(before, fitted.trainable.parameters.memory)
  return { config, iterations, isChanged }
}, Effect.scoped)

const isSame = (a: SharedArrayBuffer, b: SharedArrayBuffer): boolean =>
  Buffer.compare(new Uint8Array(a), new Uint8Array(b)) === 0

const strict = ["filter.unearnedReward=true", "filter.contradiction=true"]

describe("an experience model", () => {
  it.each([
    ["that talks nonsense", saying("the moon is made of cheese"), "Fault"],
    ["that breaks off", saying("works. <obs> You arrive"), "Fault"],
    ["that nobody can reach", unreachable, "Fault"],
    ["that gives the reward away", saying("works. <obs> Nothing happens. <win>"), "UnearnedReward"]
  ] as const)("%s teaches nothing", async (_what, model, reason) => {
    const { isChanged, iterations } = await run(dreamt(model, strict))
    expect(iterations.map(({ accepted, rejected }) => [accepted, rejected])).toEqual([
      [0, { [reason]: 12 }],
      [0, { [reason]: 12 }]
    ])
    expect(iterations.map(({ update }) => update)).toEqual([undefined, undefined])
    expect(iterations.map(({ parts }) => parts.map(({ tasks }) => tasks.length))).toEqual([
      [4],
      [4]
    ])
    expect(isChanged).toBe(false)
  })

  it("that talks nonsense stops the run where the configuration asks for more", async () => {
    const work = dreamt(saying("nonsense"), ["train.minAcceptRate=0.3"])
    const error = await run(Effect.flip(work))
    expect(error).toMatchObject({ _tag: "TooFewAccepted", iteration: 0 })
    expect(error.message).toContain(
      "only 0 of 12 trajectories of iteration 0 were accepted (Fault 12)"
    )
  })

  it("that is rejected often is quoted twice for each reason, and counted in full", async () => {
    const { config, iterations } = await run(dreamt(saying("nonsense")))
    const told: Array<RunEvent.RunEvent> = []
    const [iteration] = iterations
    if (iteration === undefined) throw new Error("there is no iteration")
    const log = RunLog.RunLog.of({
      emit: (event) => Effect.sync(() => void told.push(event)),
      events: Effect.succeed([]),
      subscribe: Effect.never
    })
    const sources = {
      arm: Arm.of(config),
      curriculum: () => Effect.succeed({ "curriculum/open": 0.5 }),
      newTokens: Effect.succeed(5),
      newSteps: Effect.succeed(0)
    }
    await Effect.runPromise(
      Phases.reported(iteration, sources, config).pipe(
        Effect.provideService(RunLog.RunLog, log),
        Effect.provide(Layer.mock(RunDirectory, { name: "", path: "", config }))
      )
    )
    expect(told.map(({ _tag }) => _tag)).toEqual([
      "RejectedTrajectory",
      "RejectedTrajectory",
      "DreamtGroups",
      "PhaseProgressed"
    ])
    expect(told[2]).toMatchObject({ rejected: { Fault: 12 }, tokens: iteration.tokens + 5 })
    expect(told[3]).toMatchObject({ metrics: { "curriculum/open": 0.5 } })
  })
})

/** The same world, in which every second task breaks at the third step. */
const breaking = (environment: Environment.Environment, isBroken: (id: string) => boolean) => ({
  ...environment,
  start: (task: Parameters<Environment.Environment["start"]>[0]) =>
    Effect.map(environment.start(task), (episode) => {
      let steps = 0
      return {
        ...episode,
        step: (action: Trajectory.Action) =>
          isBroken(task.id) && ++steps === 3
            ? Effect.fail(
                new Environment.EnvironmentError({
                  reason: "Unavailable",
                  environment: environment.name,
                  message: "the house is on fire"
                })
              )
            : episode.step(action)
      }
    })
})

describe("a real world that breaks", () => {
  const isBroken = (id: string) => Number(/\d+$/.exec(id)?.[0]) % 2 === 0

  it("gives its faults no reward, and the learner never sees them", async () => {
    const given: Array<Trajectory.Trajectory> = []
    const iterations = await run(
      Effect.gen(function* () {
        const dreaming = yield* dreamingOf(saying(""), [])
        const world = {
          ...dreaming.world,
          environment: breaking(dreaming.world.environment, isBroken)
        }
        const real = { ...dreaming, world }
        return yield* Improve.iterations(Dream.improveOptions(real.config, world, 0, "real")).pipe(
          Stream.runCollect,
          Effect.provide(Layer.mergeAll(Dream.layerReal(real), keeping(given), creature(world)))
        )
      }).pipe(Effect.scoped)
    )
    const faults = iterations.reduce((sum, { rejected }) => sum + (rejected["Fault"] ?? 0), 0)
    expect(faults).toBeGreaterThan(0)
    expect(given.length).toBe(24 - faults)
    expect(given.filter(({ ending }) => ending._tag === "Failed")).toEqual([])
    expect(given.filter(({ task }) => isBroken(task.id))).toEqual([])
  })

  it("is no failure of the policy in an evaluation: faults are counted apart", async () => {
    const { evaluation, played } = await run(
      Effect.gen(function* () {
        const { config, fitted, world } = yield* dreamingOf(saying(""), [])
        const broken = { ...world, environment: breaking(world.environment, isBroken) }
        const policy = yield* Evaluate.policyOf("p", fitted.trainable, world, {
          temperature: 1,
          shards: 1
        })
        const episodes = yield* Evaluate.play(policy, broken, world.heldOut, config.seed)
        return { evaluation: Evaluate.summarise("p", world, episodes), played: episodes }
      }).pipe(Effect.scoped)
    )
    const broken = played.filter(({ ending }) => ending._tag === "Failed")
    expect(broken.length).toBeGreaterThan(0)
    expect(broken.map(({ ending }) => ending)).toEqual(
      broken.map(() => Ending.failed("Environment", "the house is on fire"))
    )
    expect(evaluation).toMatchObject({
      episodes: played.length - broken.length,
      faults: broken.length
    })
  })
})

describe("a task that is dreamt again", () => {
  /** Says something else for every random key. */
  const fickle: LanguageModel.Model = {
    ...saying(""),
    generate: (prompts) =>
      Effect.succeed(
        prompts.map(({ key }) => ({
          text: `works. <obs> You hear ${key} bells. <act>`,
          finish: "Stop",
          promptIds: [1],
          ids: [2],
          logProbabilities: [0]
        }))
      )
  }

  it("is one world for its group, and another in the next iteration", async () => {
    const given: Array<Trajectory.Trajectory> = []
    await run(
      Effect.gen(function* () {
        const pool = ["collect.trajectories=10", "collect.heldOutTrajectories=1"]
        const dreaming = yield* dreamingOf(fickle, [...pool, "train.tasksPerIteration=9"])
        const { config, world } = dreaming
        const { environment } = yield* Dream.synthetic(dreaming)
        const everything = Layer.succeed(QualityFilter.QualityFilter, {
          judge: () => Effect.succeed({ _tag: "Accepted", scores: {} } as const)
        })
        yield* Improve.iterations(Dream.improveOptions(config, world, 0, "dream")).pipe(
          Stream.runDrain,
          Effect.provide(
            Layer.mergeAll(
              Dream.layer(dreaming, environment),
              keeping(given),
              creature(world),
              everything
            )
          )
        )
      }).pipe(Effect.scoped)
    )
    const worlds = Map.groupBy(given, ({ task }) => task.id)
    const heard = [...worlds.values()].map((dreams) =>
      dreams.map(({ transitions }) => transitions[0]?.nextObservation)
    )
    expect(heard.map((one) => [one.length, new Set(one).size])).toEqual(
      Array.from({ length: 9 }, () => [6, 2])
    )
  })
})

describe("the filter of duplicates", () => {
  it("keeps one of those alike in an iteration, and forgets them in the next", async () => {
    const given: Array<Trajectory.Trajectory> = []
    const iterations = await run(
      Effect.gen(function* () {
        const dreaming = yield* dreamingOf(
          saying("fails: not there. <obs> Nothing happens. <act>"),
          ["filter.duplicate=true", "collect.trajectories=14", "train.tasksPerIteration=4"]
        )
        const { config, world } = dreaming
        const { environment } = yield* Dream.synthetic(dreaming)
        return yield* Improve.iterations(Dream.improveOptions(config, world, 0, "dream")).pipe(
          Stream.runCollect,
          Effect.provide(
            Layer.mergeAll(Dream.layer(dreaming, environment), keeping(given), creature(world))
          )
        )
      }).pipe(Effect.scoped)
    )
    expect(iterations.map(({ accepted, rejected }) => [accepted, rejected])).toEqual([
      [4, { Duplicate: 8 }],
      [4, { Duplicate: 8 }]
    ])
  })
})
