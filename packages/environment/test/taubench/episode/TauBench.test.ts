import type { Environment, Task } from "@dreamgym/domain"
import { EnvironmentLaws, Law } from "@dreamgym/laws"
import { Effect, type FileSystem, type Scope } from "effect"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import * as ScriptedUser from "../../../src/taubench/episode/ScriptedUser.ts"
import * as TauBench from "../../../src/taubench/episode/TauBench.ts"
import * as TauEpisode from "../../../src/taubench/episode/TauEpisode.ts"
import * as TauTask from "../../../src/taubench/episode/TauTask.ts"
import * as Text from "../../../src/taubench/python/Text.ts"
import * as TauData from "../../../src/taubench/TauData.ts"
import { Disk } from "../../disk.ts"
import { diskOf, files, solution, tauData } from "./shop.ts"

const options = { dataFolder: "/data", domain: "retail", split: "test" } as const

const run = <A, E>(
  program: Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>,
  contents: Readonly<Record<string, unknown>> = files
) => Effect.runPromise(Effect.provide(Effect.scoped(program), diskOf(contents)))

const [task] = await run(TauBench.tasks(options))

const played = (texts: ReadonlyArray<string>, given: Partial<TauBench.Options> = {}) =>
  Effect.gen(function* () {
    const { start } = yield* TauBench.make({ dataFolder: "/data", ...given })
    const episode = yield* start(yield* Effect.fromNullishOr(task))
    const steps: Array<Environment.Step> = []
    for (const text of texts) steps.push(yield* episode.step({ text }))
    return { first: episode.observation, steps }
  })

const lastOf = async (texts: ReadonlyArray<string>, given: Partial<TauBench.Options> = {}) =>
  (await run(played(texts, given))).steps.at(-1)

describe("A task of tau-bench", () => {
  it("tells the agent the policy and the tools, and nothing of what the customer wants", () => {
    expect(task).toMatchObject({
      id: "tau-bench/retail/test/0",
      environment: "tau-bench",
      payload: { domain: "retail", split: "test", index: 0 }
    })
    expect(task?.instruction).toMatch(/^# Policy\nBe kind\.\n#Available tools\n\[{"type": /)
    expect(JSON.stringify(task)).not.toMatch(/Ada|#W1|1000/)
  })

  it("tells function-calling agents the policy alone", async () => {
    const [apart] = await run(TauBench.tasks({ ...options, form: "policy" }))
    expect(apart?.instruction).toBe("# Policy\nBe kind.")
  })

  it.each([
    ["no list", "{}", "it is no list of tasks"],
    ["broken JSON", "[{", "/data/retail/tasks_test.json"],
    ["no user", [{ instruction: "", actions: [], outputs: [] }], "task 0 has no right user_id"],
    [
      "no arguments",
      [{ user_id: "a", instruction: "", actions: [{ name: "f" }], outputs: [] }],
      "task 0 has no right actions"
    ],
    [
      "odd outputs",
      [{ user_id: "a", instruction: "", actions: [], outputs: [1] }],
      "task 0 has no right outputs"
    ]
  ])("in a file with %s is refused and the file named", async (_, content, message) => {
    const contents = { ...files, "/data/retail/tasks_test.json": content }
    const error = await run(Effect.flip(TauBench.tasks(options)), contents)
    expect(error).toMatchObject({ reason: "BadData", environment: "tau-bench" })
    expect(error.message).toContain(message)
  })

  it("of a split that the domain has not is refused", async () => {
    const error = await run(
      Effect.flip(TauBench.tasks({ ...options, domain: "airline", split: "dev" }))
    )
    expect(error.message).toBe('airline has no split "dev"; it has: test')
  })

  it("without data is refused with the remedy", async () => {
    const program = TauBench.tasks({ ...options, dataFolder: "/nowhere" })
    const error = await Effect.runPromise(Effect.provide(Effect.flip(program), Disk))
    expect(error.message).toContain("TAU_BENCH_DATA")
  })
})

describe("An episode of tau-bench", () => {
  it("is a success where the database is right and the outputs were said", async () => {
    const { first, steps } = await run(played(solution))
    expect(first).toBe(
      "You are Ada. Cancel order #W1, you do not need it, and ask what comes back."
    )
    expect(steps[0]?.observation).toContain('"status": "cancelled"')
    expect(steps.map(({ ending, reward }) => [reward, ending?._tag])).toEqual([
      [0, undefined],
      [0, undefined],
      [1, "Terminated"]
    ])
  })

  it.each([
    ["the output was not said", [solution[0], "Done."]],
    ["the database is wrong", ["1000.50"]],
    ["the agent gave up", ["transfer_to_human_agents(summary='sorry')"]]
  ])("is none where %s", async (_, texts) => {
    expect(await lastOf(texts.map(String))).toMatchObject({
      reward: 0,
      ending: { _tag: "Terminated", success: false }
    })
  })

  it("answers wrong calls with the original's texts and goes on", async () => {
    const { steps } = await run(
      played([
        "fly(to='Ulm')",
        "cancel_pending_order(order_id='#W2')",
        "calculate(expression='2 + 2')"
      ])
    )
    expect(steps.map(({ observation }) => observation)).toEqual([
      "Unknown action fly",
      "Error: CancelPendingOrder.invoke() missing 1 required positional argument: 'reason'",
      "4.0"
    ])
  })

  it("is cut after 30 actions, or another limit", async () => {
    const ending = { _tag: "Truncated", reason: "StepLimit" }
    const thoughts = (count: number) => Array.from({ length: count }, () => "think(thought='')")
    expect((await lastOf(thoughts(30)))?.ending).toEqual(ending)
    expect((await lastOf(thoughts(29)))?.ending).toBeUndefined()
    expect((await lastOf(thoughts(2), { stepLimit: 2 }))?.ending).toEqual(ending)
  })

  it("has the customer who was asked for", async () => {
    const user = ScriptedUser.fromLines(["Hi.", "###STOP###"])
    const { first, steps } = await run(played(["Hello."], { user }))
    expect([first, steps[0]?.ending?._tag]).toEqual(["Hi.", "Terminated"])
  })

  it.each([[{ index: 3 }], [{ index: -1 }], [{ domain: "casino" }], [{ split: "train" }]])(
    "of a task that is not there (%j) is refused",
    async (change) => {
      const program = Effect.gen(function* () {
        const { start } = yield* TauBench.make({ dataFolder: "/data" })
        const known = yield* Effect.fromNullishOr(task)
        const odd: Task.Task = { ...known, payload: { ...options, index: 0, ...change } }
        return yield* Effect.flip(start(odd))
      })
      const error = await run(program)
      expect(["BadTask", "BadData"]).toContain("reason" in error ? error.reason : "")
    }
  )
})

if (task !== undefined) {
  Law.describeLaws(
    { describe, it },
    EnvironmentLaws.environmentLaws({
      name: "tau-bench with a scripted customer",
      environment: Effect.provide(TauBench.make({ dataFolder: "/data" }), diskOf(files)),
      task,
      actions: solution
    })
  )
}

const solved = Effect.fnUntraced(function* (shop: TauEpisode.Shop, one: TauTask.TauTask) {
  const user = ScriptedUser.fromInstruction()
  const episode = yield* TauEpisode.open(shop, one, { user, key: 0, stepLimit: 100 })
  for (const { arguments: given, name } of one.actions) {
    if (shop.terminateTools.includes(name)) continue
    yield* episode.step({ text: `{"name": "${name}", "arguments": ${Text.json(given)}}` })
  }
  return (yield* episode.step({ text: `Done: ${one.outputs.join(" ")}` })).reward
})

const whereData = tauData === undefined ? describe.skip : describe

whereData("The tasks of the original (skipped without TAU_BENCH_DATA)", () => {
  it.each([
    ["retail", "test", 115],
    ["retail", "dev", 20],
    ["retail", "train", 500],
    ["airline", "test", 50]
  ] as const)(
    "of %s %s are %i, and their own actions, said right, are a success",
    async (domain, split, count) => {
      const program = Effect.gen(function* () {
        const shop = yield* TauData.load(tauData ?? "", domain)
        const text = readFileSync(`${tauData}/${domain}/tasks_${split}.json`, "utf8")
        const tasks = yield* Effect.fromResult(TauTask.read(text, split))
        return yield* Effect.forEach(tasks, (one) => Effect.scoped(solved(shop, one)))
      })
      const rewards = await Effect.runPromise(Effect.provide(program, Disk))
      expect(rewards).toEqual(Array.from({ length: count }, () => 1))
    }
  )
})
