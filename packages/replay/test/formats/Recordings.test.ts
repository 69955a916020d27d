/** Tests of what others recorded: runs of tau-bench, rollouts of the original ALFWorld. */
import { Trajectory } from "@dreamgym/domain"
import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import * as AlfworldRecordings from "../../src/formats/AlfworldRecordings.ts"
import { isEvaluation } from "../../src/formats/EvaluationTasks.ts"
import * as TauBenchRuns from "../../src/formats/TauBenchRuns.ts"
import { collected, failure, inFolder } from "./files.ts"

const run = (changes: object = {}) => ({
  task_id: 7,
  reward: 1,
  trial: 2,
  info: { task: { instruction: "You are mia. You want a flight." }, source: "user" },
  traj: [
    { role: "system", content: "# Airline Agent Policy\n\nThe current time is ..." },
    { role: "user", content: "Hi! A flight, please." },
    { role: "assistant", content: "Your user ID?" },
    { role: "user", content: "mia_1" },
    {
      role: "assistant",
      content: null,
      tool_calls: [
        {
          id: "1",
          type: "function",
          function: { name: "get_user", arguments: '{"user_id":"mia_1"}' }
        }
      ]
    },
    { role: "tool", tool_call_id: "1", name: "get_user", content: '{"name": "Mia"}' },
    { role: "assistant", content: "Booked." },
    { role: "user", content: "###STOP###" }
  ],
  ...changes
})

const runs = (...list: ReadonlyArray<unknown>) =>
  inFolder((folder) => {
    fs.writeFileSync(`${folder}/gpt-x.json`, JSON.stringify(list))
    return collected(TauBenchRuns.read(`${folder}/gpt-x.json`))
  })

describe("a run of tau-bench", () => {
  it("is a trajectory whose actions are words and calls", async () => {
    const real = { _tag: "Real", environment: "tau-bench", version: "airline" }
    const call = { name: "get_user", arguments: { user_id: "mia_1" } }
    expect(await runs(run())).toStrictEqual([
      {
        id: "tau-bench/airline/test/7/recorded-gpt-x/2",
        task: {
          id: "tau-bench/airline/test/7",
          environment: "tau-bench",
          instruction: "You are mia. You want a flight.",
          seed: 0,
          payload: { domain: "airline", split: "test", index: 7 },
          origin: { _tag: "Original" }
        },
        firstObservation: "Hi! A flight, please.",
        transitions: [
          {
            observation: "Hi! A flight, please.",
            action: { text: "Your user ID?" },
            reward: 0,
            nextObservation: "mia_1",
            provenance: real
          },
          {
            observation: "mia_1",
            action: { text: `Action:\n${JSON.stringify(call)}`, toolCall: call },
            reward: 0,
            nextObservation: '{"name": "Mia"}',
            provenance: real
          },
          {
            observation: '{"name": "Mia"}',
            action: { text: "Booked." },
            reward: 1,
            nextObservation: "###STOP###",
            provenance: real
          }
        ],
        ending: { _tag: "Terminated", success: true },
        policy: "recorded-gpt-x",
        policyVersion: -1
      }
    ])
  })

  it("without the user's last word was cut; with a reward of 0 it was no success", async () => {
    const cut = run({ reward: 0, traj: run().traj.slice(0, 6) })
    const endings = (await runs(cut, run({ reward: 0 }))).map(({ ending }) => ending)
    expect(endings).toStrictEqual([
      { _tag: "Truncated", reason: "StepLimit" },
      { _tag: "Terminated", success: false }
    ])
  })

  it.each([
    ["of another shape", run({ reward: "high" })],
    ["of an unknown domain", run({ traj: [{ role: "system", content: "# Bank" }, run().traj[1]] })],
    ["whose messages do not take turns", run({ traj: run().traj.toSpliced(3, 1) })]
  ])("%s is named by its number", (_, bad) =>
    inFolder(async (folder) => {
      fs.writeFileSync(`${folder}/x.json`, JSON.stringify([run(), bad]))
      const found = await failure(TauBenchRuns.read(`${folder}/x.json`))
      expect(found).toMatchObject({ reason: "Malformed", line: 2 })
      expect(found.before).toHaveLength(1)
    })
  )

  it("is not in a file of something else", () =>
    inFolder(async (folder) => {
      fs.writeFileSync(`${folder}/x.json`, '{"tasks": []}')
      expect(await failure(TauBenchRuns.read(`${folder}/x.json`))).toMatchObject({
        reason: "Malformed"
      })
      expect(await failure(TauBenchRuns.read(`${folder}/y.json`))).toMatchObject({
        reason: "Missing"
      })
    }))
})

const rollout = (changes: object = {}) => ({
  game: "valid_seen/pick_and_place_simple-Mug-None-Desk-3/trial_T1",
  task_type: "pick_and_place_simple",
  rollout: "handcoded_expert",
  reset: {
    observation: "-= Welcome =-\n\nYour task is to: put a mug in desk.",
    admissible: ["look"]
  },
  steps: [
    { command: "look", observation: "a desk", won: false, score: 0, done: false },
    {
      command: "move mug 1 to desk 1",
      observation: "You move it.",
      won: true,
      score: 1,
      done: true
    },
    { command: "look", observation: "a mug", won: true, score: 1, done: true }
  ],
  ...changes
})

const rollouts = (...list: ReadonlyArray<unknown>) =>
  inFolder((folder) => {
    fs.writeFileSync(`${folder}/x.jsonl`, list.map((one) => `${JSON.stringify(one)}\n`).join(""))
    return collected(AlfworldRecordings.read(`${folder}/x.jsonl`))
  })

describe("a rollout of ALFWorld", () => {
  it("is a trajectory of the game's task that ends where the game is won", async () => {
    const real = { _tag: "Real", environment: "alfworld", version: "json_2.1.1" }
    const { reset } = rollout()
    const game = "valid_seen/pick_and_place_simple-Mug-None-Desk-3/trial_T1"
    expect(await rollouts(rollout())).toStrictEqual([
      {
        id: `alfworld/${game}/handcoded_expert`,
        task: {
          id: `alfworld/${game}`,
          environment: "alfworld",
          instruction: "put a mug in desk",
          seed: 0,
          payload: { game, type: "pick_and_place_simple" },
          origin: { _tag: "Original" }
        },
        firstObservation: reset.observation,
        transitions: [
          {
            observation: reset.observation,
            action: { text: "look" },
            reward: 0,
            nextObservation: "a desk",
            provenance: real
          },
          {
            observation: "a desk",
            action: { text: "move mug 1 to desk 1" },
            reward: 1,
            nextObservation: "You move it.",
            provenance: real
          }
        ],
        ending: { _tag: "Terminated", success: true },
        policy: "recorded-handcoded_expert",
        policyVersion: -1
      }
    ])
  })

  it("that is not won was cut; lines of names are passed over; the folder train has its own name", async () => {
    const lost = rollout({ game: "valid_train/a/b", steps: rollout().steps.slice(0, 1) })
    const names = { game: "train/a/b", rollout: "entities", entities: { mug: ["mug 1", "object"] } }
    const [only, ...more] = await rollouts(names, lost)
    expect(more).toStrictEqual([])
    expect(only?.ending).toStrictEqual({ _tag: "Truncated", reason: "StepLimit" })
    expect(only?.task.id).toBe("alfworld/train/a/b")
  })

  it("that is none is named by its line", () =>
    inFolder(async (folder) => {
      fs.writeFileSync(`${folder}/x.jsonl`, `${JSON.stringify(rollout())}\n{"game":"x"}\n`)
      const found = await failure(AlfworldRecordings.read(`${folder}/x.jsonl`))
      expect(found).toMatchObject({ reason: "Malformed", line: 2 })
    }))
})

describe("tasks to be measured by", () => {
  it("are the test tasks of tau-bench and the validation games of ALFWorld", async () => {
    const [bench] = await runs(run())
    const games = ["valid_seen/a/b", "valid_unseen/a/b", "valid_train/a/b"]
    const recorded = await rollouts(...games.map((game) => rollout({ game })))
    const all = [bench, ...recorded].flatMap((one) => (one === undefined ? [] : [one.task]))
    expect(all.map(isEvaluation)).toStrictEqual([true, true, true, false])
    expect(all.map((task) => isEvaluation({ ...task, environment: "room" }))).not.toContain(true)
  })
})

const data = "/work/shared/data"

describe.skipIf(!fs.existsSync(data))("the published recordings", () => {
  it("of tau-bench are 200 runs of 50 tasks with a mean reward of 0.42", async () => {
    const all = await collected(
      TauBenchRuns.read(`${data}/tau-bench/transcripts/gpt-4o-airline.json`)
    )
    expect(all).toHaveLength(200)
    expect(new Set(all.map(({ task }) => task.id)).size).toBe(50)
    expect(all.reduce((sum, one) => sum + Trajectory.totalReward(one), 0) / 200).toBe(0.42)
    expect(all.filter(({ ending }) => ending._tag === "Truncated")).toHaveLength(5)
    expect(all.flatMap(({ transitions }) => transitions)).toHaveLength(2454)
  })

  it("of ALFWorld are read whole", async () => {
    const files = ["train", "valid_seen", "valid_unseen"].map(
      (split) => `${data}/alfworld/oracle/${split}.jsonl.gz`
    )
    const all = (
      await Promise.all(files.map((it) => collected(AlfworldRecordings.read(it))))
    ).flat()
    expect(all.every(({ task }) => task.instruction !== "")).toBe(true)
    expect(all.length).toBeGreaterThan(300)
  })
})
