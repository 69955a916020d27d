import { EnvironmentLaws, Law, RevisitLaws } from "@dreamgym/laws"
import { Effect } from "effect"
import { describe, it } from "vitest"
import * as TauBench from "../../../src/taubench/episode/TauBench.ts"
import { airline } from "../tiny.ts"
import { diskOf, policy, tools } from "./shop.ts"

const tables = Object.entries(airline).map(([name, text]) => [`/data/airline/${name}.json`, text])

/** The invented airline in the layout of tau-bench's data. */
const disk = diskOf({
  ...Object.fromEntries(tables),
  "/data/airline/policy.json": policy,
  "/data/airline/tools.json": tools,
  "/data/airline/tasks_test.json": [
    {
      user_id: "ann",
      instruction: "You are Ann. Cancel reservation R1, and ask what comes back.",
      actions: [{ name: "cancel_reservation", kwargs: { reservation_id: "R1" } }],
      outputs: ["180"]
    }
  ]
})

const environment = Effect.provide(TauBench.make({ dataFolder: "/data" }), disk)
const [task] = await Effect.runPromise(
  TauBench.tasks({ dataFolder: "/data", domain: "airline", split: "test" }).pipe(
    Effect.provide(disk)
  )
)
if (task === undefined) throw new Error("the invented airline has no task")

const name = "tau-bench's airline with a scripted customer"
const actions = ["cancel_reservation(reservation_id='R1')", "You get 180 back."]

Law.describeLaws(
  { describe, it },
  EnvironmentLaws.environmentLaws({ name, environment, task, actions })
)

Law.describeLaws(
  { describe, it },
  RevisitLaws.revisitLaws({
    name,
    start: Effect.flatMap(environment, ({ start }) => start(task)),
    actions
  })
)
