/** What a test needs to dream without a fitted model: language models that follow a script, a player, a learner who only keeps. */
import { LanguageModel, Learner, Policy, type Trajectory } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import { Trainable } from "@dreamgym/language"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Buffers from "../src/Buffers.ts"
import * as Collect from "../src/Collect.ts"
import { networkOf } from "../src/Networks.ts"
import * as RunLog from "../src/RunLog.ts"
import * as Vocabulary from "../src/Vocabulary.ts"
import * as World from "../src/World.ts"
import { configOf } from "./tiny.ts"

/** A model that says the same whatever it is asked. */
export const saying = (text: string): LanguageModel.Model => ({
  name: "parrot",
  version: Effect.succeed(0),
  generate: (prompts) =>
    Effect.succeed(
      prompts.map(() => ({ text, finish: "Stop", promptIds: [1], ids: [2], logProbabilities: [0] }))
    )
})

export const unreachable: LanguageModel.Model = {
  ...saying(""),
  generate: () =>
    Effect.fail(
      new LanguageModel.LanguageModelError({
        reason: "Unavailable",
        model: "parrot",
        message: "nobody answers"
      })
    )
}

/** What dreaming needs, with this model in place of an experience model that was fitted. */
export const dreamingOf = Effect.fnUntraced(function* (
  model: LanguageModel.Model,
  more: ReadonlyArray<string>
) {
  const few = ["collect.trajectories=20", "collect.demonstrations=4", "train.iterations=2"]
  const config = configOf("/nowhere", "none", [...few, ...more])
  const world = yield* World.make(config)
  const offline = yield* Collect.collect(world, config)
  const tokenizer = Vocabulary.tokenizerOf(world.knowledge, offline.train)
  const network = networkOf(config.clone, world.knowledge, tokenizer, true)
  const trainable = Trainable.make(network, 7)
  const buffer = yield* Buffers.begin({ world, offline, config })
  return { config, world, offline, buffer, fitted: { trainable, model } }
})

export const run = <A, E>(
  work: Effect.Effect<
    A,
    E,
    RunLog.RunLog | Session.SessionPool | Effect.Services<ReturnType<typeof World.make>>
  >
) =>
  Effect.runPromise(
    work.pipe(
      Effect.provide(
        Layer.mergeAll(RunLog.layerMemory, Session.layer({ workers: 1 }), NodeServices.layer)
      )
    )
  )

/** A learner that only keeps what it is given. */
export const keeping = (given: Array<Trajectory.Trajectory>) =>
  Layer.succeed(Learner.Learner, {
    update: (groups) =>
      Effect.sync(() => {
        given.push(...groups.flatMap(({ trajectories }) => trajectories))
        return { policyVersion: 0, trajectories: 0, decisions: 0, metrics: {} }
      }),
    state: Effect.succeed({}),
    restore: () => Effect.void
  })

/** A player who always does the first thing that may be done. */
export const creature = (world: World.World) =>
  Layer.succeed(Policy.Policy, {
    name: "creature of habit",
    version: Effect.succeed(0),
    act: ({ history, task }) =>
      Effect.succeed({ text: world.knowledge.describe(task, history).admissible[0] ?? "look" })
  })
