import { Effect, FileSystem, Result } from "effect"
import { gzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as Recording from "../src/alfworld/Recording.ts"
import { dataFolder, Disk, recordings } from "./disk.ts"
import { after, room } from "./room.ts"

const game = Result.getOrThrow(Game.load(room, "room"))

const recorded = (...commands: ReadonlyArray<string>): typeof Recording.RecordedRollout.Type => {
  const shown = ({ observation, won, admissible }: Game.GameState) => ({
    observation,
    won,
    admissible
  })
  return {
    game: "room",
    task_type: "any",
    rollout: "by hand",
    reset: shown(after()),
    steps: commands.map((command, index) => {
      const state = after(...commands.slice(0, index + 1))
      return { command, ...shown(state), score: state.won ? 1 : 0, done: state.won }
    })
  }
}

describe("A recorded rollout", () => {
  const rollout = recorded("look", "dance", "go to shelf 1")

  it("passes where every text, flag and list is the same", () => {
    expect(Recording.judge(rollout, game)).toEqual({ game: "room", rollout: "by hand", steps: 3 })
  })

  it.each([
    [
      "observation",
      { observation: "You stand." },
      "You stand.",
      "You stand at shelf 1. In it: a mug 2, and a mug 1."
    ],
    ["won", { won: true }, "true", "false"],
    ["score", { score: 1 }, "1", "0"],
    ["done", { done: true }, "true", "false"],
    ["admissible", { admissible: ["look"] }, "look", after("go to shelf 1").admissible.join("\n")]
  ])("fails at the first different %s and says where", (what, change, expected, actual) => {
    const steps = rollout.steps.map((step, index) => (index === 2 ? { ...step, ...change } : step))
    expect(Recording.judge({ ...rollout, steps }, game).difference).toEqual({
      step: 3,
      command: "go to shelf 1",
      what,
      expected,
      actual
    })
  })

  it("fails at step 0 where the opening is another", () => {
    const reset = { ...rollout.reset, observation: "Hi." }
    const { difference } = Recording.judge({ ...rollout, reset }, game)
    expect(difference).toMatchObject({ step: 0, what: "observation", expected: "Hi." })
  })
})

describe("Recorded entities", () => {
  const judged = (name: string) =>
    Recording.judge(
      {
        game: "room",
        rollout: "entities",
        entities: { mug_bar__plus_02_dot_00: [name, "object"] }
      },
      game
    )

  it("pass where names and types are the same, and name the id otherwise", () => {
    expect(judged("mug 1")).toEqual({ game: "room", rollout: "entities", steps: 0 })
    expect(judged("mug 2").difference).toEqual({
      step: 0,
      command: "",
      what: "mug_bar__plus_02_dot_00",
      expected: "mug 2, object",
      actual: "mug 1, object"
    })
  })
})

const reading = (bytes: Uint8Array) =>
  Recording.read("r.jsonl.gz").pipe(
    Effect.provide(FileSystem.layerNoop({ readFile: () => Effect.succeed(bytes) }))
  )

describe("A recording", () => {
  const lines = [recorded("look"), recorded("wait")]
  const text = `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`

  it("is read gzipped and plain", async () => {
    expect(await Effect.runPromise(reading(gzipSync(text)))).toEqual(lines)
    expect(await Effect.runPromise(reading(new TextEncoder().encode(text)))).toEqual(lines)
  })

  it("that is damaged is an error with its line, not a difference", async () => {
    const fault = async (bytes: Uint8Array) => {
      const { reason, line } = await Effect.runPromise(Effect.flip(reading(bytes)))
      return { reason, line }
    }
    expect(await fault(gzipSync(text).subarray(0, 60))).toEqual({ reason: "damaged", line: 0 })
    expect(await fault(new TextEncoder().encode(text.slice(0, -20)))).toEqual({
      reason: "field",
      line: 2
    })
  })

  it("of a game that is not there is an error, not a difference", async () => {
    const replaying = Effect.provide(Effect.flip(Recording.replay(lines, "/nowhere")), Disk)
    expect(await Effect.runPromise(replaying)).toMatchObject({ reason: "missing" })
  })
})

if (recordings === undefined) {
  console.info(
    "No ALFWORLD_DATA, no ../shared/data/alfworld: tests on real ALFWorld games are skipped."
  )
}

const whereRecorded = recordings === undefined ? describe.skip : describe

whereRecorded("The original's recordings (skipped without ALFWORLD_DATA/oracle)", () => {
  it.each([
    ["train", 160, 3016],
    ["valid_seen", 210, 3766],
    ["valid_unseen", 95, 1540]
  ])("of %s are replayed byte for byte: %i rollouts, %i steps", async (split, rollouts, steps) => {
    const program = Effect.gen(function* () {
      const recording = yield* Recording.read(`${recordings}/${split}.jsonl.gz`)
      return yield* Recording.replay(recording, dataFolder ?? "")
    })
    const report = await Effect.runPromise(Effect.provide(program, Disk))
    expect(report.verdicts.filter(({ difference }) => difference !== undefined)).toEqual([])
    expect({ passed: report.passed, steps: report.steps }).toEqual({ passed: rollouts, steps })
  })
})
