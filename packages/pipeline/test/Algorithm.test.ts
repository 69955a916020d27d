/** Tests of the algorithms by name: what each is, that each learns in the real world, and what is refused. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as Algorithm from "../src/Algorithm.ts"
import * as Arm from "../src/Arm.ts"
import { defaults } from "../src/Config.ts"
import * as ConfigResolve from "../src/ConfigResolve.ts"
import * as Dream from "../src/Dream.ts"
import * as Improve from "../src/Improve.ts"
import * as Sources from "../src/Sources.ts"
import { dreamingOf, run, saying } from "./dreaming.ts"

const resolve = (settings: ReadonlyArray<string>) => ConfigResolve.resolve({ settings })
const settingsOf = (settings: ReadonlyArray<string>) =>
  Algorithm.settingsOf(Result.getOrThrow(resolve(settings)))
const refused = (settings: ReadonlyArray<string>) => {
  const result = resolve(settings)
  return Result.isFailure(result) ? result.failure : undefined
}

const names: ReadonlyArray<Algorithm.Name> = [
  "ppo",
  "grpo",
  "dr_grpo",
  "dapo",
  "rloo",
  "reinforce_plus_plus",
  "gspo",
  "cispo"
]

describe("an algorithm", () => {
  it("is by default what it always was", () => {
    expect(Algorithm.settingsOf(defaults)).toEqual({
      advEstimator: "gae",
      ratioLevel: "action",
      lossAgg: "seq-mean-token-mean",
      surrogate: "clip",
      clipRatioLow: 0.2,
      clipRatioHigh: 0.2
    })
  })

  it("brings its own settings, of which each may be set otherwise", () => {
    const dapo = settingsOf(["learner.algorithm=dapo"])
    expect(dapo).toMatchObject({ clipRatioHigh: 0.28, lossAgg: "token-mean", ratioLevel: "token" })
    const set = ["learner.algorithm=dapo", "learner.clipRatioHigh=0.4", "learner.ratioLevel=action"]
    expect(settingsOf(set)).toEqual({ ...dapo, clipRatioHigh: 0.4, ratioLevel: "action" })
  })

  const real = ["train.realShareStart=1", "train.realShareEnd=1", "train.iterations=1"]

  const learnt = (settings: ReadonlyArray<string>) =>
    run(
      Effect.gen(function* () {
        const dreaming = yield* dreamingOf(saying(""), [...real, ...settings])
        const { config, fitted, world } = dreaming
        const sources = yield* Sources.make(dreaming, {
          arm: Arm.of(config),
          spent: 0,
          keeps: false
        })
        const before = fitted.trainable.parameters.memory.slice(0)
        const [iteration] = yield* Improve.mixed(
          Dream.improveOptions(config, world, 0, "real"),
          sources.all
        ).pipe(
          Stream.runCollect,
          Effect.provide(
            Dream.learning(fitted.trainable, fitted.trainable, dreaming, {
              purpose: "real",
              worker: 0,
              shards: 1
            })
          )
        )
        const after = new Uint8Array(fitted.trainable.parameters.memory)
        const isChanged = Buffer.compare(new Uint8Array(before), after) !== 0
        return { iteration, isChanged, parameters: Buffer.from(after.slice()) }
      }).pipe(Effect.scoped)
    )

  it.each(names)("%s learns from what was lived", async (name) => {
    const { isChanged, iteration } = await learnt([`learner.algorithm=${name}`])
    const metrics = iteration?.update?.metrics ?? {}
    expect(metrics["losses/approx_kl"]).toBeTypeOf("number")
    expect(Object.values(metrics).filter((value) => !Number.isFinite(value))).toEqual([])
    expect(isChanged).toBe(true)
  })

  it("charges episodes of too many tokens, and no others", async () => {
    const free = await learnt([])
    const never = await learnt(["learner.overlongTokens=100000"])
    const charged = await learnt(["learner.overlongTokens=40", "learner.overlongBuffer=40"])
    expect(never.parameters.equals(free.parameters)).toBe(true)
    expect(charged.parameters.equals(free.parameters)).toBe(false)
  })

  it("has the settings of a learner that a run is given", () => {
    const set = [
      "isCorrectionLevel=action",
      "isCorrectionMode=mask",
      "bootstrapAtStepLimit=true",
      "adamEpsilon=1e-5",
      "overlongTokens=50"
    ].map((setting) => `learner.${setting}`)
    expect(Algorithm.optionsOf(Result.getOrThrow(resolve(set)))).toMatchObject({
      isCorrection: { level: "action", threshold: 2, mode: "mask" },
      bootstrapAtStepLimit: true,
      adam: { epsilon: 1e-5 },
      overlong: { maxTokens: 50, bufferTokens: 20, penalty: 1 }
    })
  })

  it("plays more tasks in place of those whose attempts all ended alike, as often as it may", async () => {
    const played = async (rounds: number) => {
      const { iteration } = await learnt([
        "learner.algorithm=grpo",
        "train.tasksPerIteration=4",
        `train.samplingRounds=${rounds}`
      ])
      return iteration
    }
    const once = await played(1)
    const more = await played(4)
    expect(once?.trajectories).toBe(12)
    expect(more?.trajectories).toBeGreaterThan(12)
    expect(more?.groups.slice(0, once?.groups.length)).toEqual(once?.groups)
    const ids = (more?.groups ?? []).flatMap(({ trajectories }) => trajectories.map(({ id }) => id))
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe("settings of the learner that contradict one another", () => {
  it.each([
    [["learner.algorithm=rloo", "train.groupSize=1"], /rloo compares .* must be at least 2/],
    [["learner.adaptiveKlTarget=0.1"], /both are 0: nothing holds the policy near its reference/],
    [["learner.clipRatioC=0.5"], /set it above 1 \(usual: 3\)/],
    [["learner.algorithm=cispo", "learner.clipRatioC=3"], /cispo .* has no dual clip/],
    [["learner.algorithm=cispo", "learner.ratioLevel=sequence"], /cispo weighs tokens or actions/],
    [["learner.algorithm=grpo", "learner.advantageLevel=token"], /grpo gives all tokens .* one/],
    [["learner.advantageLevel=token"], /the ratio is of the action: set learner.ratioLevel to/],
    [["learner.isCorrectionLevel=token"], /learner.isCorrectionLevel is token, but the ratio/],
    [["learner.criticWarmup=2", "learner.vfCoef=0"], /learner.vfCoef 0 trains none/],
    [["learner.criticWarmup=30"], /is the whole run/],
    [["learner.critic=separate", "learner.vfCoef=0"], /separate .* set learner.vfCoef above 0/],
    [["learner.algorithm=grpo", "learner.critic=separate"], /nothing would read learner.critic,/],
    [
      ["learner.bootstrapAtStepLimit=true", "learner.truncated=drop"],
      /set learner.truncated to learn/
    ],
    [["learner.isCorrectionMode=mask"], /nothing would read learner.isCorrectionMode/],
    [
      ["learner.algorithm=rloo", "learner.bootstrapAtStepLimit=true"],
      /nothing would read learner.bootstrapAtStepLimit/
    ],
    [["learner.overlongTokens=10"], /learner.overlongBuffer \(20\) is part of .* \(10\)/],
    [["learner.overlongTokens=30", "learner.overlongPenalty=0"], /charges nothing/],
    [["learner.overlongPenalty=2"], /nothing would read learner.overlongPenalty/],
    [["learner.overlongBuffer=2"], /nothing would read learner.overlongBuffer/],
    [
      ["train.start=cloned", "evaluate.clonedPlus=false", "clone.anchorCoef=1"],
      /nothing would read clone.anchorCoef, because there is no cloned\+/
    ],
    [["learner.algorithm=grpo", "learner.criticWarmup=2"], /nothing would read learner.crit/],
    [["train.samplingRounds=3"], /nothing would read train.samplingRounds/],
    [["learner.klEstimator=k1"], /nothing would read learner.klEstimator/],
    [["learner.lossHorizon=5"], /nothing would read learner.lossHorizon/],
    [["learner.isCorrectionThreshold=5"], /nothing would read learner.isCorrectionThreshold/],
    [["learner.adaptiveKlHorizon=5"], /nothing would read learner.adaptiveKlHorizon/]
  ])("%j are refused with the reason", (settings, message) => {
    expect(refused(settings)?.message).toMatch(message)
  })

  it.each([
    ["learner.advantageLevel=token", "learner.ratioLevel=token", "learner.criticWarmup=2"],
    ["learner.algorithm=dapo", "learner.isCorrectionLevel=token", "learner.maxStaleness=2"],
    ["learner.klInRewardCoef=0.1", "learner.adaptiveKlTarget=0.1"],
    ["learner.critic=separate", "learner.overlongTokens=60", "clone.anchorCoef=0.5"]
  ])("but %s, %s, %s are taken", (...settings) => {
    expect(refused(settings)).toBeUndefined()
  })
})
