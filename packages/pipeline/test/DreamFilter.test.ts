/** Tests of the filter as a run configures it: each setting rejects what it says, and what is rejected is kept as a record. */
import { Curriculum, type LanguageModel, type Trajectory } from "@dreamgym/domain"
import * as Ai from "effect/ai/LanguageModel"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as Dream from "../src/Dream.ts"
import * as Improve from "../src/Improve.ts"
import { RunDirectory } from "../src/RunDirectory.ts"
import { RunLog } from "../src/RunLog.ts"
import * as Trainer from "../src/Trainer.ts"
import { creature, dreamingOf, keeping, run, saying } from "./dreaming.ts"
import { configOf } from "./tiny.ts"

const nothing = saying("works. <obs> Nothing happens. <act>")

/** So sure of each word. */
const unsure = (logProbability: number): LanguageModel.Model => ({
  ...nothing,
  generate: (prompts) =>
    Effect.map(nothing.generate(prompts), (completions) =>
      completions.map((one) => ({ ...one, logProbabilities: [logProbability] }))
    )
})

/** Sees success at every other random key. */
const fickle: LanguageModel.Model = {
  ...nothing,
  generate: (prompts) =>
    Effect.succeed(
      prompts.map(({ key }) => ({
        text: `works. <obs> Nothing happens. ${key % 2 === 0 ? "<win>" : "<act>"}`,
        finish: "Stop",
        promptIds: [1],
        ids: [2],
        logProbabilities: [0]
      }))
    )
}

/** What two iterations of 4 tasks, each dreamt 3 times, bring with these settings. */
const dreamt = Effect.fnUntraced(function* (
  model: LanguageModel.Model,
  settings: ReadonlyArray<string>
) {
  const dreaming = yield* dreamingOf(model, settings)
  const { buffer, config, world } = dreaming
  const { environment } = yield* Dream.synthetic(dreaming)
  const given: Array<Trajectory.Trajectory> = []
  const improved = Effect.gen(function* () {
    const options = Dream.improveOptions(config, world, 0, "dream")
    const iterations = yield* Stream.runCollect(Improve.iterations(options))
    const records = yield* Curriculum.Curriculum.use((curriculum) => curriculum.records)
    return { iterations, records }
  })
  const { iterations, records } = yield* improved.pipe(
    Effect.provide(
      Layer.mergeAll(Dream.layer(dreaming, environment), keeping(given), creature(world))
    )
  )
  const stored = yield* Stream.runCollect(buffer.trajectories({ source: "Synthetic" }))
  return { iterations, records, given, stored, stats: yield* buffer.stats }
}, Effect.scoped)

const rejections = async (model: LanguageModel.Model, settings: ReadonlyArray<string>) => {
  const { iterations } = await run(dreamt(model, settings))
  return iterations.map(({ accepted, rejected }) => ({ accepted, ...rejected }))
}

const all = [{ accepted: 12 }, { accepted: 12 }]
const none = (reason: string) => [
  { accepted: 0, [reason]: 12 },
  { accepted: 0, [reason]: 12 }
]

describe("a setting of the filter", () => {
  it.each([
    ["maxCharacters", nothing, ["filter.maxCharacters=10"], none("TooLong")],
    ["minMeanLogProbability", unsure(-1), ["filter.minMeanLogProbability=-0.9"], none("Unlikely")],
    ["minMeanLogProbability, kept to,", unsure(-1), ["filter.minMeanLogProbability=-1"], all],
    ["minLogProbability", unsure(-1), ["filter.minLogProbability=-0.9"], none("Unlikely")],
    ["samples", fickle, ["filter.samples=16", "filter.minAgreement=0.99"], none("Unstable")],
    ["samples of who repeats himself", nothing, ["filter.samples=1"], all],
    [
      "minPlausibility",
      saying("works. <obs> Nothing happens. <win>"),
      ["filter.minPlausibility=0.5"],
      none("ImplausibleReward")
    ],
    ["noContrast", nothing, ["filter.noContrast=true"], none("NoContrast")],
    ["allFailed", nothing, ["filter.allFailed=true"], none("AllFailed")],
    ["of the default", fickle, [], all]
  ])("%s decides who teaches", async (_name, model, settings, expected) => {
    expect(await rejections(model, settings)).toEqual(expected)
  })

  it("maxSimilarity rejects what an earlier iteration dreamt alike", async () => {
    const pool = ["collect.trajectories=10", "collect.heldOutTrajectories=1"]
    const settings = [...pool, "train.tasksPerIteration=9", "filter.maxSimilarity=0.99"]
    const [first, second] = await rejections(nothing, settings)
    expect(first?.accepted).toBeGreaterThan(0)
    expect(second).toEqual({ accepted: 0, Duplicate: 27 })
  })
})

describe("what the filter says", () => {
  it("is written on each dream with its iteration: the learner, the buffer and the metrics have it", async () => {
    const { given, iterations, stats, stored } = await run(dreamt(unsure(-1), []))
    const scores = { meanLogProbability: -1, minLogProbability: -1 }
    expect(given.map(({ iteration, verdict }) => [iteration, verdict])).toEqual(
      given.map((_, i) => [
        Math.floor(i / 12),
        { _tag: "Accepted", scores: expect.objectContaining(scores) }
      ])
    )
    expect(iterations[0]?.filter).toMatchObject({
      "filter/meanLogProbability": -1,
      "filter/minLogProbability": -1
    })
    expect(stored.map(({ verdict }) => verdict?._tag)).toEqual(stored.map(() => "Accepted"))
    expect(stats.rejected).toBe(0)
  })

  it("is kept of the rejected ones too, as records that nobody draws", async () => {
    const { given, stats, stored } = await run(dreamt(fickle, ["filter.maxCharacters=10"]))
    expect(given).toEqual([])
    // The dreams of a group are alike: what is kept once is what differs.
    expect(stored.length).toBeGreaterThan(0)
    expect(stored.map(({ iteration, verdict }) => [iteration, verdict])).toEqual(
      stored.map(() => [
        expect.toSatisfy((iteration) => iteration === 0 || iteration === 1),
        expect.objectContaining({ _tag: "Rejected", reason: "TooLong" })
      ])
    )
    expect(stats).toMatchObject({ rejected: stored.length, syntheticTransitions: 0 })
  })

  it("of a group without contrast is no failure of the dream: the run goes on and the curriculum learns", async () => {
    const settings = ["filter.noContrast=true", "train.minAcceptRate=0.99"]
    const { iterations, records } = await run(dreamt(nothing, settings))
    expect(iterations.map(({ accepted, credible }) => [accepted, credible.length])).toEqual([
      [0, 4],
      [0, 4]
    ])
    expect(records.filter(({ attempts }) => attempts === 3).length).toBe(8)
  })
})

const judge = (said: string) =>
  Effect.provideServiceEffect(
    Ai.LanguageModel,
    Ai.make({
      generateText: () => Effect.succeed([{ type: "text", text: said }]),
      streamText: () => Stream.empty
    })
  )

const grades = (each: number) =>
  JSON.stringify({
    consistency: each,
    diversity: each,
    informativeness: each,
    hallucination: each
  })

describe("a judge of dreams", () => {
  const judged = (said: string, ...more: ReadonlyArray<string>) =>
    dreamt(nothing, ["filter.minJudgeTotal=5", ...more]).pipe(
      judge(said),
      Effect.map(({ iterations }) => iterations),
      Effect.provideService(References.MinimumLogLevel, "None")
    )

  it("is asked where one is provided", async () => {
    const strict = await run(judged(grades(1)))
    expect(strict.map(({ rejected }) => rejected)).toEqual([{ Judged: 12 }, { Judged: 12 }])
    const mild = await run(judged(grades(2), "filter.concurrency=3"))
    expect(mild.map(({ accepted, filter }) => [accepted, filter["filter/judge/total"]])).toEqual([
      [12, 8],
      [12, 8]
    ])
  })

  it("who talks nonsense stops the run, or is passed over and counted: as it is set", async () => {
    const error = await run(Effect.flip(judged("nice")))
    expect(error).toMatchObject({ _tag: "QualityFilterError", reason: "BadAnswer", rule: "judge" })
    const iterations = await run(judged("nice", "filter.faults=pass"))
    expect(
      iterations.map(({ accepted, filter }) => [accepted, filter["filter/fault/judge"]])
    ).toEqual([
      [12, 12],
      [12, 12]
    ])
  })

  it("is missed where the configuration wants one and none is provided", async () => {
    const error = await run(Effect.flip(dreamt(nothing, ["filter.minJudgeTotal=5"])))
    expect(error).toMatchObject({ _tag: "QualityFilterError", reason: "Unavailable" })
    expect(error.message).toContain("filter.minJudgeTotal asks for a judge, and there is none")
  })

  it("is missed before the run begins", async () => {
    const config = configOf("/nowhere", "none", ["filter.minJudgeTotal=5"])
    const directory = Layer.mock(RunDirectory, { name: "", path: "", config })
    const { error, events } = await run(
      Effect.gen(function* () {
        const log = yield* RunLog
        const failed = yield* Effect.flip(Effect.provide(Trainer.train(config), directory))
        return { error: failed, events: yield* log.events }
      })
    )
    expect(error).toMatchObject({ _tag: "QualityFilterError", rule: "judge" })
    expect(events).toEqual([])
  })
})
