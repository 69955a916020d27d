/** Tests of what the experience model can be left without: the whole model is as it always was, and each switch holds everywhere. */
import { createHash } from "node:crypto"
import { History } from "@dreamgym/domain"
import { Demonstrations, Moments, ReasoningModel, TrainingText } from "@dreamgym/experience"
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

const rowsOf = (lived: Buffers.Lived) => {
  const { history, reasoning } = lived.config.experience
  return TrainingText.rows(lived.offline.train, {
    knowledge: () => lived.world.knowledge,
    relabels: 1,
    key: 5,
    history,
    reasoning,
    ...Buffers.demonstrations(lived)
  })
}

const promptsOf = ({ config, offline, world }: Buffers.Lived) => {
  const { history: isWhole, reasoning } = config.experience
  return offline.train.flatMap(({ task, ...trajectory }) =>
    Moments.moments({ task, ...trajectory }).flatMap(({ before: history, transition }, key) =>
      [world.knowledge, undefined].map((known) =>
        ReasoningModel.promptOf(
          { knowledge: () => known, history: isWhole, reasoning },
          { task, history, action: transition.action.text, demonstrations: [], key }
        )
      )
    )
  )
}

const withDemonstrations = ["environment.rung=L3", "experience.demonstrations=2"]

/** How like the first trajectory's steps are to the likest that is remembered: itself. */
const similarities = (lived: Buffers.Lived) =>
  Effect.forEach(lived.offline.train.slice(0, 1).flatMap(Moments.moments), (moment) =>
    Effect.map(
      Demonstrations.find(Buffers.demonstrations(lived).demonstrations, {
        task: lived.offline.train[0]?.task ?? never(),
        history: moment.before,
        action: moment.transition.action.text,
        knowledge: lived.world.knowledge
      }),
      ([likest]) => likest?.similarity ?? 1
    )
  )

/** In one scope: the buffer is gone when it closes. */
const toldWith = (settings: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const lived = yield* livedWith(configOf("", "ablated", settings))
    const known = yield* similarities(lived)
    return { lived, rows: yield* rowsOf(lived), prompts: promptsOf(lived), known }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.runPromise)

describe("the whole experience model", () => {
  it.each([
    ["alone", ["environment.rung=L3"], [647, "6d107a3d19af026b", "53041b0d09d73ad0"]],
    ["with demonstrations", withDemonstrations, [647, "df2a6413d7c8b414", "53041b0d09d73ad0"]]
  ])(
    "is taught and asked, %s, to the letter what it was before parts could be left out",
    async (_how, settings, golden) => {
      const { prompts, rows } = await toldWith(settings)
      expect([rows.length, hashOf(rows), hashOf(prompts)]).toEqual(golden)
    }
  )
})

describe("a household without history", () => {
  it("is told as at its beginning, but for what the last turn says", async () => {
    const settings = ["environment.rung=L3", "experience.history=false"]
    const { lived, rows } = await toldWith(settings)
    const { knowledge } = lived.world
    const [trajectory] = lived.offline.train
    const taken = Moments.moments(trajectory ?? never()).findIndex(({ transition }) =>
      transition.action.text.startsWith("take ")
    )
    const thing = /^take (.*) from/.exec(trajectory?.transitions[taken]?.action.text ?? "")?.[1]
    const after = rows.slice(taken + 1, taken + 3).map(({ prompt }) => prompt.split(" <act> ")[0])
    const first = knowledge.describe(
      trajectory?.task ?? never(),
      History.start(trajectory?.firstObservation ?? "")
    )
    // What is in the hand is known from taking it; a turn later it is forgotten.
    expect(after[0]).toBe(first.text.replace("empty hands", thing ?? ""))
    expect(after[1]).not.toContain(thing)
  })

  it("is explained by whoever saw the whole", async () => {
    const targets = ({ rows }: Awaited<ReturnType<typeof toldWith>>) =>
      rows.map(({ target }) => target)
    const cut = await toldWith(["environment.rung=L3", "experience.history=false"])
    expect(targets(cut)).toEqual(targets(await toldWith(["environment.rung=L3"])))
  })

  it.each([true, false])("is remembered as it is asked for: history %s", async (isWhole) => {
    const settings = [...withDemonstrations, `experience.history=${isWhole}`]
    const { known } = await toldWith(settings)
    expect(known.length).toBeGreaterThan(5)
    for (const similarity of known) expect(similarity).toBeCloseTo(1, 5)
  })
})

const never = (): never => {
  throw new Error("no trajectory")
}
