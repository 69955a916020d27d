/** `env`: what worlds there are, their tasks, and recordings played again. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { Game, type GameFile, Generator } from "@dreamgym/environment"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as Keyboard from "../src/Keyboard.ts"
import * as World from "../src/World.ts"
import { dreamgym } from "./front.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "environments-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const none: World.Given = {
  rung: Option.none(),
  split: Option.none(),
  seed: Option.none(),
  data: Option.none()
}

const open = (name: World.Name, given: Partial<World.Given> = {}) =>
  World.worlds[name]
    .open({ ...none, ...given })
    .pipe(Effect.provide(NodeServices.layer), Effect.runPromise)

describe("env list and env tasks", () => {
  it("name every world with its splits", async () => {
    const { code, out } = await dreamgym(["env", "list", "--json"])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject([
      { name: "household", splits: ["train", "heldout"] },
      { name: "alfworld", splits: ["train", "valid_seen", "valid_unseen"] },
      { name: "tau-bench", splits: ["airline/test", "retail/test", "retail/dev", "retail/train"] }
    ])
  })

  it("show the same tasks for the same numbers, and others for other seeds and splits", async () => {
    const tasks = async (...args: ReadonlyArray<string>) => {
      const { out } = await dreamgym(["env", "tasks", "household", "--json", ...args])
      return JSON.parse(out).tasks
    }
    const all = await tasks("--limit", "5")
    expect(all.map(({ number }: { readonly number: number }) => number)).toEqual([0, 1, 2, 3, 4])
    expect(await tasks("--offset", "3", "--limit", "2")).toEqual(all.slice(3))
    const [first] = await tasks("--limit", "1", "--seed", "2")
    const [heldOut] = await tasks("--limit", "1", "--split", "heldout")
    expect(new Set([all[0].id, first.id, heldOut.id]).size).toBe(3)
  })

  it.each([
    [["household", "--split", "test"], "household has train, heldout"],
    [["household", "--data", "x"], "--data: nothing would read it"],
    [["alfworld", "--rung", "L0"], "--rung: nothing would read it"],
    [["alfworld"], "ALFWORLD_DATA"],
    [["tau-bench"], "TAU_BENCH_DATA"],
    [["alfworld", "--seed", "1", "--goals", "template"], "--seed: nothing would read it"],
    [["alfworld", "--task-type", "cook"], "task-type"],
    [
      ["alfworld", "--data", "x", "--domain-randomization", "--split", "valid_seen"],
      "--domain-randomization: nothing would read it"
    ],
    [["household", "--task-type", "pick_and_place_simple"], "--task-type: nothing would read it"],
    [["household", "--goals", "human"], "--goals: nothing would read it"],
    [["household", "--wording", "current"], "--wording: nothing would read it"],
    [["tau-bench", "--domain-randomization"], "--domain-randomization: nothing would read it"],
    [["tau-bench", "--seed", "3"], "--seed: nothing would read it"],
    [["household", "--limit", "-1"], "negative"]
  ])("refuse what they would not read: %j", async (args, why) => {
    const { code, err } = await dreamgym(["env", "tasks", ...args])
    expect([code, err]).toEqual([2, expect.stringContaining(why)])
  })

  it("mean by a number what `play` and a served seed mean by it, whatever integer it is", async () => {
    const world = await open("household")
    const [third] = world.tasks(2, 1)
    expect(await Effect.runPromise(world.task(2))).toEqual(third)
    const { out } = await dreamgym(["play", "--task", "2", "--json"], { stdin: "quit\n" })
    expect(JSON.parse(out)).toMatchObject({ task: third?.id })
    for (const number of [-1, 2 ** 31]) {
      expect(await Effect.runPromise(world.task(number))).toMatchObject({
        environment: "household"
      })
    }
  })

  it("refuse an id that no task has", async () => {
    const household = await open("household")
    expect(await Effect.runPromise(Effect.flip(household.task("x")))).toMatchObject({
      reason: "BadTask"
    })
  })
})

/** A data folder of one game, and what the original would have recorded of it. */
const recorded = (change: (observation: string) => string = (observation) => observation) => {
  const file: GameFile.GameFile = Generator.generate({ rung: "L0", seed: 3 })
  const name = "valid_seen/pick_and_place_simple-Mug-None-Shelf-1/trial_1"
  const folder = path.join(home, "json_2.1.1", name)
  fs.mkdirSync(folder, { recursive: true })
  fs.mkdirSync(path.join(home, "oracle"))
  fs.writeFileSync(path.join(folder, "game.tw-pddl"), JSON.stringify(file))
  const shown = ({ admissible, observation, won }: Game.GameState) => ({
    observation,
    won,
    admissible
  })
  let state = Game.start(Result.getOrThrow(Game.load(file, name)))
  const reset = shown(state)
  const steps = ["look", "dance"].map((command) => {
    state = Game.step(state, command)
    const seen = { ...shown(state), observation: change(state.observation) }
    return { command, ...seen, score: 0, done: false }
  })
  const line = { game: name, task_type: "pick", rollout: "random", reset, steps }
  const recording = path.join(home, "oracle", "one.jsonl")
  fs.writeFileSync(recording, `${JSON.stringify(line)}\n`)
  return recording
}

describe("env replay", () => {
  it("passes what is the same, with the data around the recording", async () => {
    const { code, out } = await dreamgym(["env", "replay", "alfworld", recorded()])
    expect([code, out]).toEqual([0, "1 passed, 0 failed\n"])
  })

  it("shows where the first difference is, and ends with 1", async () => {
    const recording = recorded((text) => (text === "Nothing happens." ? "You dance." : text))
    const { code, out } = await dreamgym(["env", "replay", "alfworld", recording])
    expect(code).toBe(1)
    expect(out).toContain(
      "(random), step 2: dance\n  observation\n  - You dance.\n  + Nothing happens."
    )
    expect(out).toMatch(/\n0 passed, 1 failed\n$/)
  })

  it("shows of long texts the place where they part", async () => {
    const recording = recorded((text) => `${"x".repeat(5000)}${text}`)
    const { out } = await dreamgym(["env", "replay", "alfworld", recording])
    expect(out).toContain("xxx...\n  + ")
    expect(out.length).toBeLessThan(1000)
  })

  it("needs to know where tau-bench's data are, and says which recording it cannot read", async () => {
    const file = path.join(home, "x.jsonl")
    fs.writeFileSync(file, "{\n")
    const lost = await dreamgym(["env", "replay", "tau-bench", file])
    expect([lost.code, lost.err]).toEqual([2, expect.stringContaining("TAU_BENCH_DATA")])
    const broken = await dreamgym(["env", "replay", "tau-bench", file, "--data", home])
    expect([broken.code, broken.err]).toEqual([1, expect.stringContaining("x.jsonl, line 1")])
  })
})

const shared = [
  process.env["TAU_BENCH_DATA"],
  fileURLToPath(new URL("../../../../shared/data/tau-bench", import.meta.url))
].find((folder) => folder !== undefined && fs.existsSync(path.join(folder, "oracle")))

describe.skipIf(shared === undefined)(
  `tau-bench's recordings (${shared === undefined ? "skipped: set TAU_BENCH_DATA" : "at hand"})`,
  () => {
    it("pass, and what is not compared is named", async () => {
      const recording = path.join(shared ?? "", "oracle/airline.jsonl")
      const { code, out } = await dreamgym(["env", "replay", "tau-bench", recording])
      expect(code).toBe(0)
      expect(out).toContain("2 calls are not compared:\n  transfer_to_human_agents")
      expect(out).toMatch(/\n25 passed, 0 failed\n$/)
    })

    it("have tools that a session lists and an agent calls", async () => {
      const world = await open("tau-bench", { data: Option.fromUndefinedOr(shared) })
      expect([world.size, world.tools.length]).toEqual([50, 15])
      expect(world.tools.map(({ name }) => name)).toContain("book_reservation")
    })
  }
)

const games = [
  process.env["ALFWORLD_DATA"],
  fileURLToPath(new URL("../../../../shared/data/alfworld", import.meta.url))
].find((folder) => folder !== undefined && fs.existsSync(path.join(folder, "json_2.1.1")))

describe.skipIf(games === undefined)(
  `ALFWorld's games (${games === undefined ? "skipped: set ALFWORLD_DATA" : "at hand"})`,
  () => {
    const data = Option.fromUndefinedOr(games)
    const seen = { data, split: Option.some("valid_seen") }

    it("can be asked for by their types", async () => {
      const hot = await open("alfworld", { ...seen, taskType: ["pick_heat_then_place_in_recep"] })
      const both = await open("alfworld", {
        ...seen,
        taskType: ["pick_heat_then_place_in_recep", "look_at_obj_in_light"]
      })
      expect([hot.size, both.size]).toEqual([16, 29])
    })

    it("can be asked for in people's own words, other ones for other seeds", async () => {
      const told = async (seed: number) => {
        const goals = Option.some("human" as const)
        const world = await open("alfworld", { ...seen, goals, seed: Option.some(seed) })
        return world.tasks(0, 140).map(({ instruction }) => instruction)
      }
      const [one, again, other] = [await told(1), await told(1), await told(2)]
      expect(again).toEqual(one)
      expect(other).not.toEqual(one)
      const plain = await open("alfworld", seen)
      expect(one).not.toContain(plain.tasks(0, 1)[0]?.instruction)
    })

    it("take older words unless they are not to", async () => {
      const answered = async (wording: "either" | "current") => {
        const world = await open("alfworld", { ...seen, wording: Option.some(wording) })
        const task = await Effect.runPromise(world.task(20))
        return Effect.gen(function* () {
          const episode = yield* world.environment.start(task)
          const can = (verb: string) =>
            Effect.map(episode.admissible ?? Effect.undefined, (all = []) =>
              all.filter((command) => command.startsWith(verb))
            )
          for (const place of yield* can("go to desk")) {
            yield* episode.step({ text: place })
            const [take] = yield* can("take")
            if (take === undefined) continue
            yield* episode.step({ text: take })
            const older = take.replace("take", "put").replace(" from ", " in/on ")
            return (yield* episode.step({ text: older })).observation
          }
          return "no desk has anything"
        }).pipe(Effect.scoped, Effect.runPromise)
      }
      expect(await answered("current")).toBe("Nothing happens.")
      expect(await answered("either")).toMatch(/^You move the /)
    })
  }
)

describe("Tab", () => {
  it("completes what can be done from its beginning", () => {
    const known = ["go to bed 1", "go to desk 1", "look"]
    expect(Keyboard.completions(known, "go")).toEqual(["go to bed 1", "go to desk 1"])
    expect(Keyboard.completions(known, " lo")).toEqual(["look"])
    expect(Keyboard.completions(known, "x")).toEqual([])
    expect(Keyboard.completions(known, "")).toEqual(known)
  })
})
