import { EnvironmentLaws, Law } from "@dreamgym/laws"
import { Effect, FileSystem, type Scope } from "effect"
import { existsSync } from "node:fs"
import { describe, expect, it } from "vitest"
import type { Judge } from "../../src/tau2/Judge.ts"
import * as Tau2Bench from "../../src/tau2/Tau2Bench.ts"
import * as Tau2Data from "../../src/tau2/Tau2Data.ts"
import type { Tau2Task } from "../../src/tau2/Tau2Task.ts"
import type { Tables } from "../../src/taubench/Database.ts"
import { Disk } from "../disk.ts"
import { files as shop, tauData } from "../taubench/episode/shop.ts"
import { task as base, tau2Data } from "./tau2.ts"

const reason = "no longer needed"

const withCriteria = (id: string, change: Partial<Tau2Task["evaluation_criteria"]>): Tau2Task => ({
  ...base,
  id,
  evaluation_criteria: { ...base.evaluation_criteria, ...change }
})

const actions = [
  {
    action_id: "1_0",
    name: "cancel_pending_order",
    arguments: { order_id: "#W1", reason },
    info: null
  }
]

const plain = withCriteria("1", { actions, nl_assertions: null })
const judged = withCriteria("2", { actions })

const files: Readonly<Record<string, unknown>> = {
  ...shop,
  "/tau2/retail/tasks.json": [plain, judged],
  "/tau2/retail/split_tasks.json": { base: ["1", "2"], test: ["2"] },
  "/tau2/retail/policy.md": "# Retail policy",
  "/tau2/retail/db.json": {
    products: shop["/data/retail/products.json"],
    orders: shop["/data/retail/orders.json"],
    users: shop["/data/retail/users.json"]
  }
}

const disk = (contents: Readonly<Record<string, unknown>>) =>
  FileSystem.layerNoop({
    exists: (file) => Effect.succeed(file in contents),
    readFileString: (file) => {
      const content = contents[file]
      return Effect.succeed(typeof content === "string" ? content : (JSON.stringify(content) ?? ""))
    }
  })

const folders = { dataFolder: "/tau2", tauBenchFolder: "/data" }

const run = <A, E>(
  program: Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>,
  contents: Readonly<Record<string, unknown>> = files
) => Effect.runPromise(Effect.provide(Effect.scoped(program), disk(contents)))

const tasks = await run(Tau2Bench.tasks({ ...folders, domain: "retail", split: "base" }))

const solution = [
  `{"name": "cancel_pending_order", "arguments": {"order_id": "#W1", "reason": "${reason}"}}`,
  "Done."
]

const played = (
  index: number,
  texts: ReadonlyArray<string>,
  options: Partial<Tau2Bench.Options> = {}
) =>
  Effect.gen(function* () {
    const { start } = yield* Tau2Bench.make({ ...folders, ...options })
    const episode = yield* start(yield* Effect.fromNullishOr(tasks[index]))
    return yield* Effect.forEach(texts, (text) => episode.step({ text }))
  })

const judge = (...verdicts: ReadonlyArray<boolean>): Judge => ({
  name: "fixed",
  judge: () => Effect.succeed(verdicts)
})

describe("tau2-bench", () => {
  it("tells the agent its policy and the tools, get_item_details with them", () => {
    expect(tasks.map(({ id }) => id)).toEqual([
      "tau2-bench/retail/base/1",
      "tau2-bench/retail/base/2"
    ])
    expect(tasks[0]?.instruction).toContain("# Retail policy\n#Available tools\n[{")
    expect(tasks[0]?.instruction).toContain('"get_item_details"')
    expect(tasks[0]?.instruction).not.toContain('"think"')
    expect(JSON.stringify(tasks)).not.toContain("#W1")
  })

  it("rewards the right database", async () => {
    const steps = await run(played(0, solution))
    expect(steps.at(-1)).toMatchObject({ reward: 1, ending: { success: true } })
    const wrong = await run(played(0, ["done()"]))
    expect(wrong.at(-1)).toMatchObject({ reward: 0, ending: { _tag: "Terminated" } })
  })

  it("refuses a task with assertions where nobody judges, unless they are left out knowingly", async () => {
    const error = await run(Effect.flip(played(1, [])))
    expect(error).toMatchObject({ reason: "BadTask", environment: "tau2-bench" })
    const steps = await run(played(1, solution, { unjudged: "leaveOut" }))
    expect(steps.at(-1)).toMatchObject({
      reward: 1,
      provenance: { version: "a2c0247, customer scripted:instruction, assertions left out" }
    })
  })

  it("asks the judge where there is one", async () => {
    const reward = async (...verdicts: ReadonlyArray<boolean>) =>
      (await run(played(1, solution, { judge: judge(...verdicts) }))).at(-1)?.reward
    expect([await reward(true, true), await reward(true, false)]).toEqual([1, 0])
  })

  it("ends where the customer is handed on or lost", async () => {
    for (const text of ["###TRANSFER###", "I am ###OUT-OF-SCOPE###"]) {
      const user = {
        name: "lost",
        start: () =>
          Effect.succeed({
            text: "Hi",
            reply: () => Effect.succeed({ text, reply: () => Effect.never })
          })
      }
      expect((await run(played(0, ["Hello"], { user }))).at(-1)?.ending?._tag).toBe("Terminated")
    }
  })

  it("has the tools of tau-bench, with the few rules that are its own", async () => {
    const texts = [
      "get_item_details(item_id='10')",
      "get_item_details(item_id='11')",
      "think(thought='x')",
      "modify_pending_order_items(order_id='#W1', item_ids=['10'], new_item_ids=['10'], payment_method_id='paypal_1')",
      "modify_pending_order_address(order_id='#W1', address1='2', address2='', city='a', state='b', country='c', zip='d')"
    ]
    const modified = structuredClone(shop["/data/retail/orders.json"])
    const text = JSON.stringify(modified).replace('"pending"', '"pending (item modified)"')
    const contents = {
      ...files,
      "/tau2/retail/db.json": {
        orders: JSON.parse(text),
        users: shop["/data/retail/users.json"],
        products: shop["/data/retail/products.json"]
      }
    }
    const shown = (await run(played(0, texts), contents)).map(({ observation }) => observation)
    expect(shown.slice(0, 4)).toEqual([
      '{"item_id": "10", "options": {"size": "S"}, "available": true, "price": 7.5}',
      "Error: item not found",
      "Unknown action think",
      "Error: the new item id should be different from the old item id"
    ])
    expect(shown[4]).toContain('"address1": "2"')
    expect(shown[4]).toContain('"status": "pending (item modified)"')
  })

  it.each([
    ["a missing table", { "/tau2/retail/db.json": { users: {}, orders: {} } }, "db.json, products"],
    ["no JSON", { "/tau2/retail/db.json": "{" }, "db.json"],
    ["a field nobody knows", { "/tau2/retail/tasks.json": [{ ...plain, bonus: 1 }] }, "bonus"]
  ])("with %s is refused and the place named", async (_, change, place) => {
    const error = await run(Effect.flip(played(0, [])), { ...files, ...change })
    expect(error).toMatchObject({ reason: "BadData" })
    expect(String(error)).toContain(place)
  })
})

const [task] = tasks

if (task !== undefined) {
  Law.describeLaws(
    { describe, it },
    EnvironmentLaws.environmentLaws({
      name: "tau2-bench with a scripted customer",
      environment: Effect.provide(Tau2Bench.make(folders), disk(files)),
      task,
      actions: solution
    })
  )
}

const DiskWithExists = FileSystem.layerNoop({
  ...Effect.runSync(Effect.provide(FileSystem.FileSystem, Disk)),
  exists: (file) => Effect.sync(() => existsSync(file))
})

const whereData = tau2Data === undefined || tauData === undefined ? describe.skip : describe

whereData("The tasks of the release (skipped without TAU2_BENCH_DATA and TAU_BENCH_DATA)", () => {
  const release = { dataFolder: tau2Data ?? "", tauBenchFolder: tauData ?? "" }

  it.each([
    ["retail", "tau2-bench", 114],
    ["airline", "tau-bench", 50]
  ] as const)(
    "of %s, their own actions done and said, are a success on %s's tables",
    async (domain, database, count) => {
      const program = Effect.gen(function* () {
        const { database: whose, tables } = yield* Tau2Data.load(release, domain)
        const list = yield* Tau2Data.tasks(release.dataFolder, domain, "base")
        const rewards = yield* Effect.forEach(list, (one) => Effect.scoped(solved(tables, one)))
        return { whose, rewards }
      })
      const { rewards, whose } = await Effect.runPromise(Effect.provide(program, DiskWithExists))
      expect(whose).toBe(database)
      expect(rewards).toEqual(Array.from({ length: count }, () => 1))
    }
  )
})

const solved = Effect.fnUntraced(function* (tables: Tables, one: Tau2Task) {
  const { actions: expected, communicate_info: said } = one.evaluation_criteria
  const episode = yield* Tau2Bench.open(tables, one, 0, { unjudged: "leaveOut" })
  for (const { arguments: given, name } of expected ?? []) {
    yield* episode.step({ text: "", toolCall: { name, arguments: given } })
  }
  return (yield* episode.step({ text: `Done: ${(said ?? []).join(" ")}` })).reward
})
