import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Tau2Task } from "../../src/tau2/Tau2Task.ts"

/** A task of an invented shop, in tau2-bench's form. */
export const task: Tau2Task = {
  id: "7",
  description: { purpose: "Cancel.", relevant_policies: null, notes: null },
  user_scenario: {
    persona: null,
    instructions: {
      task_instructions: "Be brief.\nStay polite.",
      domain: "retail",
      reason_for_call: "Cancel order #W1.",
      known_info: "You are Ada.",
      unknown_info: null
    }
  },
  initial_state: null,
  evaluation_criteria: {
    actions: [
      {
        action_id: "7_0",
        name: "cancel",
        arguments: { order_id: "#W1", reason: "mistake" },
        info: null
      },
      {
        action_id: "7_1",
        name: "note",
        arguments: { text: "bye", stars: 5 },
        compare_args: ["stars"]
      }
    ],
    communicate_info: ["1200"],
    nl_assertions: ["Agent is kind.", "Agent is brief."],
    reward_basis: ["DB", "NL_ASSERTION"]
  }
}

const root = fileURLToPath(new URL("../../../../..", import.meta.url))

/** TAU2_BENCH_DATA, or the folder beside the repository; undefined where neither is. */
export const tau2Data = [process.env["TAU2_BENCH_DATA"], `${root}/shared/data/tau2-bench`].find(
  (folder) => folder !== undefined && existsSync(`${folder}/retail/tasks.json`)
)

if (tau2Data === undefined) {
  console.info("No TAU2_BENCH_DATA, no ../shared/data/tau2-bench: tests on tau2-bench are skipped.")
}

export const textOf = (file: string): string => readFileSync(`${tau2Data}/${file}`, "utf8")
