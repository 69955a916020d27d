/** A study of five units: one begins, two begin from it side by side, the fourth waits for one of these, the last for all, and the trainer that invents their runs. */
import * as path from "node:path"
import * as Result from "effect/Result"
import * as Plan from "../src/Plan.ts"
import type * as UnitRun from "../src/UnitRun.ts"

export const study: Plan.Study = { form: "quick", parts: ["table"], seeds: [1], rungs: ["L0"] }

const arms = ["sft", "ppo_real", "ppo_real_10x", "ppo_dream", "ppo_s2r"]

export const units: ReadonlyArray<Plan.Unit> = Result.getOrThrow(Plan.units(study)).filter(
  ({ arm }) => arms.includes(arm)
)

/** `pause` between two events in milliseconds; `failing` is the arm that fails. */
export const fake = (pause: number, failing = "none"): UnitRun.Program => ({
  command: process.execPath,
  args: [
    "--conditions=source",
    path.join(import.meta.dirname, "fakeTrainer.ts"),
    String(pause),
    failing
  ]
})
