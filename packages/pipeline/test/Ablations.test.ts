/** Tests of what the experience model can be left without: the whole model is as it always was, and each switch holds everywhere. */
import { createHash } from "node:crypto"
import { Moments, ReasoningModel, TrainingText } from "@dreamgym/experience"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Buffers from "../src/Buffers.ts"
import type { Config } from "../src/Config.ts"
import * as Evaluate from "../src/Evaluate.ts"
import * as World from "../src/World.ts"
import { configOf } from "./tiny.ts"

const hashOf = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16)

/** Lived by all three players in the default houses, and remembered. */
const livedWith = Effect.fnUntraced(function* (config: Config) {
  const world = yield* World.make(config)
  const { expert, noisy, random } = world.demonstrators
  const played = yield* Effect.forEach([expert, noisy, random], (player, i) =>
    Evaluate.play(player, world, world.collection.slice(8 * i, 8 * i + 8), i)
  )
  const train = played.flat()
  const owner = { world, config, offline: { demonstrations: [], train, heldOut: [] } }
  return { ...owner, buffer: yield* Buffers.begin(owner) }
})

const rowsOf = (lived: Buffers.Lived) =>
  TrainingText.rows(lived.offline.train, {
    knowledge: () => lived.world.knowledge,
    relabels: 1,
    key: 5,
    ...Buffers.demonstrations(lived)
  })

const promptsOf = ({ offline, world }: Buffers.Lived) =>
  offline.train.flatMap((trajectory) =>
    Moments.moments(trajectory).flatMap(({ before: history, transition }, key) =>
      [world.knowledge, undefined].map((known) =>
        ReasoningModel.promptOf(
          { knowledge: () => known },
          {
            task: trajectory.task,
            history,
            action: transition.action.text,
            demonstrations: [],
            key
          }
        )
      )
    )
  )

const withDemonstrations = ["environment.rung=L3", "experience.demonstrations=2"]

/** In one scope: the buffer is gone when it closes. */
const toldWith = (settings: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const lived = yield* livedWith(configOf("", "ablated", settings))
    return { lived, rows: yield* rowsOf(lived), prompts: promptsOf(lived) }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.runPromise)

describe("the whole experience model", () => {
  it.each([
    ["alone", ["environment.rung=L3"], [647, "65d97c6241e175bf", "75e26b16ae3c3a98"]],
    ["with demonstrations", withDemonstrations, [647, "7c437bcbabeccd14", "75e26b16ae3c3a98"]]
  ])(
    "is taught and asked, %s, to the letter what it was before parts could be left out",
    async (_how, settings, golden) => {
      const { prompts, rows } = await toldWith(settings)
      expect([rows.length, hashOf(rows), hashOf(prompts)]).toEqual(golden)
    }
  )
})
