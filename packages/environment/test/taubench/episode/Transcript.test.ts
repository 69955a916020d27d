import { Effect, Result } from "effect"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import * as Transcript from "../../../src/taubench/episode/Transcript.ts"
import * as Trials from "../../../src/taubench/episode/Trials.ts"
import * as TauData from "../../../src/taubench/TauData.ts"
import { Disk } from "../../disk.ts"
import { diskOf, files, tauData } from "./shop.ts"

const [task] = JSON.parse(JSON.stringify(files["/data/retail/tasks_test.json"]))

const cancel = { function: { name: "cancel_pending_order", arguments: '{"order_id": "#W1"}' } }

const recorded = {
  task_id: 0,
  trial: 2,
  reward: 0.0,
  info: { task },
  traj: [
    { role: "system", content: "policy" },
    { role: "user", content: "Cancel #W1." },
    { role: "assistant", content: null, tool_calls: [cancel] },
    {
      role: "tool",
      content: "Error: CancelPendingOrder.invoke() missing 1 required positional argument: 'reason'"
    },
    { role: "assistant", content: "think(thought='no call')" },
    { role: "user", content: "###STOP###" }
  ]
}

/** The reward as Python writes it, with its point. */
const textOf = (run: unknown) => JSON.stringify([run]).replace('"reward":0', '"reward":0.0')

const read = (run: unknown) => Transcript.read(textOf(run), "runs.json")

const replayed = (run: unknown, renamed?: (text: string) => string) =>
  Effect.gen(function* () {
    const shop = yield* TauData.load("/data", "retail")
    const [one] = Result.getOrThrow(read(run))
    return yield* Transcript.replay(shop, yield* Effect.fromNullishOr(one), renamed)
  }).pipe(Effect.provide(diskOf(files)), Effect.runPromise)

const verdict = { taskIndex: 0, trial: 2, recorded: 0, rescored: 0, ending: "Terminated" }

describe("A recorded run", () => {
  it("is replayed with its own customer, and what was said is no call, whatever it looks like", async () => {
    expect(await replayed(recorded)).toEqual(verdict)
  })

  it("that answers otherwise is told apart at its first step", async () => {
    const traj = recorded.traj.with(3, { role: "tool", content: "cancelled" })
    const { difference } = await replayed({ ...recorded, traj })
    expect(difference).toMatchObject({ step: 1, expected: "cancelled" })
    expect(difference?.actual).toContain("missing 1 required")
  })

  it("is compared in the words of today's data", async () => {
    const traj = recorded.traj.with(3, { role: "tool", content: "Mistake" })
    const renamed = (text: string) =>
      text === "Mistake" ? (recorded.traj[3]?.content ?? "") : text
    expect(await replayed({ ...recorded, traj }, renamed)).toEqual(verdict)
  })

  it("that was cut has no ending and no reward", async () => {
    const { ending, rescored } = await replayed({ ...recorded, traj: recorded.traj.slice(0, 3) })
    expect([ending, rescored]).toEqual([undefined, 0])
  })

  it.each([
    ["no reward", { reward: "high" }, "runs.json, run 0: it has no right reward"],
    ["no task", { info: {} }, "runs.json, run 0: it has no right info.task.user_id"],
    ["no messages", { traj: [1] }, "runs.json, run 0: it has no right traj"],
    ["no number", { trial: "x" }, "runs.json, run 0: it has no right task_id or trial"]
  ])("with %s is refused", (_, change, message) => {
    const result = read({ ...recorded, ...change })
    expect(Result.isFailure(result) && result.failure.message).toContain(message)
  })

  it("in a broken file is refused", () => {
    const result = Transcript.read("[{", "runs.json")
    expect(Result.isFailure(result) && result.failure.reason).toBe("json")
  })
})

const whereData = tauData === undefined ? describe.skip : describe

whereData("The 200 recorded gpt-4o runs on the airline (skipped without TAU_BENCH_DATA)", () => {
  /** Users' addresses had this key when the runs were recorded. */
  const renamed = (text: string) => text.replaceAll('"province": ', '"state": ')

  it("have the recorded rewards and tool results, and the recorded pass^k", async () => {
    const text = readFileSync(`${tauData}/transcripts/gpt-4o-airline.json`, "utf8")
    const runs = Result.getOrThrow(Transcript.read(text, "gpt-4o-airline.json"))
    const program = Effect.gen(function* () {
      const shop = yield* TauData.load(tauData ?? "", "airline")
      return yield* Effect.forEach(runs, (run) => Transcript.replay(shop, run, renamed))
    })
    const verdicts = await Effect.runPromise(Effect.provide(program, Disk))
    expect(verdicts.filter(({ recorded: before, rescored }) => before !== rescored)).toEqual([])
    expect(verdicts.filter(({ difference }) => difference !== undefined)).toEqual([])
    expect(verdicts.filter(({ ending }) => ending === "Truncated").length).toBe(5)
    const tasks = Array.from({ length: 50 }, (_, index) => {
      const trials = verdicts.filter(({ taskIndex }) => taskIndex === index)
      return {
        trials: trials.length,
        successes: trials.filter(({ rescored }) => rescored === 1).length
      }
    })
    const hat = [1, 2, 3, 4].map((k) =>
      Result.getOrThrow(Trials.passHatK(tasks, k, { seed: 1 })).rate.toFixed(3)
    )
    expect(hat).toEqual(["0.420", "0.273", "0.220", "0.200"])
  })
})
