/** Tests of arms that share what one run prepared: each is what it would have been alone, or refused. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Branch from "../src/Branch.ts"
import type { Config } from "../src/Config.ts"
import * as Continuation from "../src/Continuation.ts"
import * as RunDirectory from "../src/RunDirectory.ts"
import { allOf, copyAt, deedsOf, of } from "./runs.ts"
import { branch, configOf, resume, train } from "./tiny.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "branches-"))
const inHome = (name: string) => path.join(home, name)
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

beforeAll(async () => {
  await Effect.runPromise(train(configOf(home, "first", ["train.iterations=1"])))
}, 120_000)

/** All that the arm is, begun from the first run's preparation and trained alone. */
const bothWays = async (name: string, configNamed: (run: string) => Config) => {
  const [branched, alone] = [`${name}-branch`, `${name}-alone`]
  await Effect.runPromise(branch(configNamed(branched), inHome("first")))
  await Effect.runPromise(train(configNamed(alone)))
  const untimed = async (run: string) => {
    const all = await allOf(inHome(run))
    return { ...all, deeds: deedsOf(inHome(run)) }
  }
  return [await untimed(branched), await untimed(alone)]
}

describe("an arm from what another run prepared", () => {
  it.each([
    ["grpo_s2r", ["learner.algorithm=grpo", "train.iterations=1", "train.realIterations=1"]],
    ["ppo_real", ["train.iterations=1", "train.realShareStart=1", "train.realShareEnd=1"]],
    ["separate_critic", ["train.iterations=1", "learner.critic=separate"]]
  ])(
    "(%s) is bit for bit what it is alone",
    async (name, settings) => {
      const [branched, alone] = await bothWays(name, (run) => configOf(home, run, settings))
      expect(branched).toEqual(alone)
    },
    60_000
  )

  it("is so too without the task generator, though the other run had one", async () => {
    const [branched, alone] = await bothWays("no_generator", (run) => {
      const config = configOf(home, run, ["train.iterations=1"])
      return { ...config, curriculum: { ...config.curriculum, generate: false } }
    })
    expect(branched).toEqual(alone)
  }, 60_000)

  it("goes on like any other run", async () => {
    const error = await Effect.runPromise(Effect.flip(resume(inHome("ppo_real-branch"))))
    expect(error).toMatchObject({ _tag: "NothingToDo" })
  })

  it.each([
    [["seed=9"], /because of seed: it was prepared with another value/],
    [["experience.updates=259"], /because of experience: it was prepared/],
    [["curriculum.spread=true"], /because of curriculum.spread: it was prepared with another/],
    [["train.start=cloned+"], /because of train.start or evaluate.clonedPlus: it has no clone/]
  ])("with %j is refused, and nothing is told of a run", async (settings, message) => {
    const name = `refused-${settings.join()}`.replaceAll(/[^a-z-]/g, "")
    const config = configOf(home, name, settings)
    const error = await Effect.runPromise(Effect.flip(branch(config, inHome("first"))))
    expect(error).toMatchObject({ _tag: "RunError", reason: "ConfigChanged" })
    expect(String(error)).toMatch(message)
    expect(fs.existsSync(path.join(inHome(name), "events.jsonl"))).toBe(false)
  })
})

describe("an arm from where another's dreams ended", () => {
  const dreaming = [
    "train.iterations=2",
    "train.evaluateEvery=1",
    "train.checkpointEvery=1",
    "evaluate.curveEpisodes=4"
  ]
  const settings = [...dreaming, "train.realIterations=20", "train.realTransitions=150"]
  const untimed = async (run: string) => {
    const all = await allOf(inHome(run))
    return { ...all, deeds: deedsOf(inHome(run)) }
  }
  const kept = (run: string) =>
    ["trajectories", "eval"].flatMap((part) => fs.readdirSync(path.join(inHome(run), part)))
  const onDisk = (run: string, file: string) =>
    fs.readFileSync(path.join(inHome(run), file), "utf8")

  beforeAll(async () => {
    await Effect.runPromise(branch(configOf(home, "dreamt", dreaming), inHome("first")))
    await Effect.runPromise(train(configOf(home, "s2r-alone", settings)))
    await Effect.runPromise(branch(configOf(home, "s2r", settings), inHome("dreamt")))
  }, 180_000)

  it("is bit for bit what it is alone, and leaves the same behind for people", async () => {
    expect(await untimed("s2r")).toEqual(await untimed("s2r-alone"))
    expect(kept("s2r").toSorted()).toEqual(kept("s2r-alone").toSorted())
    for (const file of ["trajectories/dreams-2.jsonl", "eval/sim-to-real-1.json"]) {
      expect(onDisk("s2r", file)).toBe(onDisk("s2r-alone", file))
    }
  })

  it("did not dream again: its first checkpoint is where the dreams ended", () => {
    const firstOf = (run: string) => of(inHome(run), "SavedCheckpoint")[0]?.iteration
    expect([firstOf("s2r"), firstOf("s2r-alone")]).toEqual([2, 0])
    expect(of(inHome("s2r"), "LivedGroups").length).toBeGreaterThan(0)
  })

  it("goes on from its own checkpoints like any other run", async () => {
    const folder = copyAt(inHome("s2r"), inHome("s2r-2"), 2)
    await Effect.runPromise(resume(folder))
    expect(await untimed("s2r-2")).toEqual(await untimed("s2r-alone"))
  }, 60_000)

  /** Whether an arm of these settings would go on from where that run's dreams ended. */
  const goesOn = (run: string, more: ReadonlyArray<string>) => {
    const config = configOf(home, "asked", [...settings, ...more])
    const asked = Effect.gen(function* () {
      const source = yield* RunDirectory.reading(inHome(run), home)
      const shared = yield* Branch.read(config, source)
      return (yield* Continuation.read(config, source, shared)) !== undefined
    })
    return Effect.runPromise(Effect.provide(asked, NodeServices.layer))
  }

  it("is so whatever is only done at the end, or is named", async () => {
    expect(await goesOn("dreamt", [])).toBe(true)
    const more = ["evaluate.dpo=true", "dpo.updates=10", "train.realTransitions=120"]
    expect(await goesOn("dreamt", more)).toBe(true)
  })

  it.each([
    ["dreamt", "train.groupSize=2"],
    ["dreamt", "learner.lr=0.0003"],
    ["dreamt", "learner.algorithm=grpo"],
    ["dreamt", "evaluate.curveEpisodes=5"],
    ["dreamt", "train.iterations=3"],
    ["dreamt", "train.realShareEnd=0.5"],
    ["first", "train.realIterations=2"],
    ["s2r", "train.realIterations=20"]
  ])("dreams itself beside %s with %s", async (run, setting) => {
    expect(await goesOn(run, [setting])).toBe(false)
  })

  it("dreams itself where the other run is not finished, or its buffer is gone", async () => {
    copyAt(inHome("dreamt"), inHome("unfinished"), 2)
    expect(await goesOn("unfinished", [])).toBe(false)
    fs.cpSync(inHome("dreamt"), inHome("without"), { recursive: true })
    fs.rmSync(path.join(inHome("without"), "replay.sqlite"))
    expect(await goesOn("without", [])).toBe(false)
  })

  it("learns at a rate that follows its budget, however many iterations were planned", () => {
    const rates = of(inHome("s2r"), "UpdatedPolicy")
      .slice(2)
      .map(({ metrics }) => metrics["charts/learning_rate"] ?? Number.NaN)
    const left = of(inHome("s2r"), "LivedGroups").map(
      (_, i, all) => 1 - all.slice(0, i + 1).reduce((sum, one) => sum + one.transitions, 0) / 150
    )
    const { lr } = configOf(home, "rates").learner
    expect(rates).toEqual(left.map((share) => expect.closeTo(lr * Math.max(0.1, share), 9)))
    expect(rates.length).toBeGreaterThan(0)
  })
})
