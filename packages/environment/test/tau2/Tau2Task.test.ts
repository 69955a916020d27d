import { Result } from "effect"
import { describe, expect, it } from "vitest"
import * as Tau2Task from "../../src/tau2/Tau2Task.ts"
import { task, tau2Data, textOf } from "./tau2.ts"

const reading = (value: unknown) => Tau2Task.read(JSON.stringify(value), "tasks.json")

const refusal = <A>(result: Result.Result<A, Tau2Task.Tau2TaskError>): string =>
  Result.isFailure(result) ? result.failure.message : "accepted"

describe("A task of tau2-bench", () => {
  it("is read as it is written", () => {
    expect(Result.getOrThrow(reading([task]))).toEqual([task])
  })

  it.each([
    [
      "a tool of the customer",
      { evaluation_criteria: { ...task.evaluation_criteria, env_assertions: [{}] } },
      "env_assertions"
    ],
    ["a state of its own", { initial_state: {} }, "initial_state"],
    ["a field nobody knows", { bonus: 1 }, "bonus"],
    [
      "an unknown basis",
      { evaluation_criteria: { ...task.evaluation_criteria, reward_basis: ["LUCK"] } },
      "reward_basis"
    ],
    [
      "no basis",
      { evaluation_criteria: { ...task.evaluation_criteria, reward_basis: [] } },
      "reward_basis"
    ]
  ])("with %s is refused and the field named", (_, change, field) => {
    expect(refusal(reading([{ ...task, ...change }]))).toContain(field)
  })

  it("in a broken file is refused with the file's name", () => {
    expect(refusal(Tau2Task.read("[{", "a/tasks.json"))).toBe(
      "a/tasks.json: no complete JSON; take the file from tau2-bench again"
    )
  })

  it("tells the customer each part under its title", () => {
    expect(Tau2Task.instructionOf(task)).toBe(
      [
        "Instructions:",
        "  Domain: retail",
        "  Reason for call:",
        "    Cancel order #W1.",
        "  Known info:",
        "    You are Ada.",
        "  Task instructions:",
        "    Be brief.",
        "    Stay polite."
      ].join("\n")
    )
  })
})

describe("A split", () => {
  const ids = (split: Tau2Task.Split, text: string) =>
    Result.map(Tau2Task.ofSplit([task, { ...task, id: "8" }], split, text, "s.json"), (tasks) =>
      tasks.map(({ id }) => id)
    )

  it("is the tasks it names, in its order", () => {
    expect(Result.getOrThrow(ids("test", '{"test": ["8", "7"]}'))).toEqual(["8", "7"])
  })

  it("that is missing or names no task is refused", () => {
    expect(refusal(ids("test", "{}"))).toContain('no list of ids under "test"')
    expect(refusal(ids("test", '{"test": ["9"]}'))).toContain("test names task 9")
  })
})

const whereData = tau2Data === undefined ? describe.skip : describe

whereData("The tasks of the release (skipped without TAU2_BENCH_DATA)", () => {
  it.each([
    ["retail", "base", 114],
    ["retail", "train", 74],
    ["retail", "test", 40],
    ["airline", "base", 50],
    ["airline", "train", 30],
    ["airline", "test", 20]
  ] as const)("of %s %s are all read: %i", (domain, split, count) => {
    const tasks = Tau2Task.read(textOf(`${domain}/tasks.json`), "tasks.json")
    const chosen = Result.flatMap(tasks, (all) =>
      Tau2Task.ofSplit(all, split, textOf(`${domain}/split_tasks.json`), "split_tasks.json")
    )
    expect(Result.getOrThrow(chosen).length).toBe(count)
  })
})
