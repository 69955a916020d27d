/** Tests of what other trainers get: conversations for TRL, tasks for verl. */
import { NastyArbitraries } from "@dreamgym/laws"
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet"
import * as fc from "fast-check"
import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import { Ending, Task, type Trajectory } from "@dreamgym/domain"
import * as Messages from "../../src/formats/Messages.ts"
import * as Verl from "../../src/formats/Verl.ts"
import { trajectoryOf } from "../disk.ts"
import { bufferOf, inFolder, onDisk, streamOf } from "./files.ts"

const turns = [
  ["take a", "you hold a"],
  ["use a", "done"]
] as const

const solved = trajectoryOf("a", { turns, ending: Ending.terminated(true) })
const failed = trajectoryOf("b", { turns, ending: Ending.failed("Timeout", "too slow") })
const rejected: Trajectory.Trajectory = {
  ...trajectoryOf("c", { turns }),
  verdict: { _tag: "Rejected", reason: "Contradiction", message: "two mugs", scores: {} }
}
const idle = trajectoryOf("d", { turns: [] })

describe("conversations", () => {
  const linesOf = (folder: string) =>
    fs.readFileSync(`${folder}/x.jsonl`, "utf8").trimEnd().split("\n")

  it("are the task as system, what was seen as user, what was done as assistant", () =>
    inFolder(async (folder) => {
      await onDisk(Messages.write(`${folder}/x.jsonl`, streamOf([solved])))
      expect(linesOf(folder).map((line) => JSON.parse(line))).toStrictEqual([
        {
          messages: [
            { role: "system", content: "find a" },
            { role: "user", content: "a room" },
            { role: "assistant", content: "take a" },
            { role: "user", content: "you hold a" },
            { role: "assistant", content: "use a" }
          ]
        }
      ])
    }))

  it("leave out what nobody should imitate, and say how many", () =>
    inFolder(async (folder) => {
      const all = streamOf([failed, solved, rejected, idle])
      const written = await onDisk(Messages.write(`${folder}/x.jsonl`, all))
      expect(written).toStrictEqual({ conversations: 1, leftOut: 3 })
      expect(linesOf(folder)).toHaveLength(1)
    }))

  it("take turns, begin with the system, end with the assistant, and are well-formed, whatever happened", () => {
    fc.assert(
      fc.property(NastyArbitraries.trajectory, (trajectory) => {
        if (!Messages.isImitable(trajectory)) return
        const { messages } = Messages.conversationOf(trajectory)
        const roles = messages.map(({ role }) => role[0]).join("")
        expect(roles).toMatch(/^s(ua)+$/)
        expect(messages.every(({ content }) => content.isWellFormed())).toBe(true)
      }),
      { numRuns: 200, seed: 4 }
    )
  })
})

describe("tasks for verl", () => {
  it("are one row each, with the columns that its trainers read", () =>
    inFolder(async (folder) => {
      const again = { ...solved, id: "again", policyVersion: 3 }
      const file = `${folder}/x.parquet`
      const written = await onDisk(Verl.write(file, streamOf([solved, again, rejected])))
      expect(written).toStrictEqual({ files: [file], rows: 2 })
      const rows = await parquetReadObjects({ file: bufferOf(file) })
      expect(rows).toHaveLength(2)
      expect(rows[1]).toStrictEqual({
        data_source: "room",
        prompt: [
          { role: "system", content: "find c" },
          { role: "user", content: "a room" }
        ],
        ability: "agent",
        reward_model: {
          style: "rule",
          ground_truth: JSON.stringify({
            id: "c",
            environment: "room",
            instruction: "find c",
            seed: 0,
            payload: null,
            origin: Task.original
          })
        },
        extra_info: { split: "train", index: 1n, task_id: "c" }
      })
    }))

  it("tell `datasets` their nested features", () =>
    inFolder(async (folder) => {
      await onDisk(Verl.write(folder, streamOf([solved])))
      const file = `${folder}/train-00000-of-00001.parquet`
      const { key_value_metadata: pairs } = await parquetMetadataAsync(bufferOf(file))
      const word = { dtype: "string", _type: "Value" }
      expect(JSON.parse(pairs?.[0]?.value ?? "").info.features).toMatchObject({
        prompt: [{ role: word, content: word }],
        reward_model: { style: word, ground_truth: word },
        extra_info: { split: word, index: { dtype: "int64", _type: "Value" } }
      })
    }))
})
