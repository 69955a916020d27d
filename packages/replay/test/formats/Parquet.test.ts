/** Tests of experience as tables: everything comes back, others can read it, and what is damaged is named. */
import { NastyArbitraries } from "@dreamgym/laws"
import { type ColumnSource, parquetWriteFile } from "hyparquet-writer"
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import assert from "node:assert"
import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import * as Parquet from "../../src/formats/Parquet.ts"
import { trajectoryOf } from "../disk.ts"
import {
  bufferOf,
  collected,
  disk,
  failure,
  inFolder,
  onDisk,
  streamOf,
  withoutMinusZero
} from "./files.ts"

const turns = (count: number) =>
  Array.from({ length: count }, (_, i) => [`take ${i}`, `you hold ${i}`] as const)

const three = ["a", "b", "c"].map((id) => trajectoryOf(id, { turns: turns(4), isReal: id !== "b" }))

describe("Parquet", () => {
  it("gives back every bit", () =>
    inFolder((folder) =>
      fc.assert(
        fc.asyncProperty(NastyArbitraries.trajectories, fc.nat({ max: 4 }), async (list, rows) => {
          fs.rmSync(`${folder}/x`, { recursive: true, force: true })
          await onDisk(Parquet.write(`${folder}/x`, streamOf(list), { rows, bytes: 1e9 }))
          const found = await collected(Parquet.read(`${folder}/x`))
          assert.deepStrictEqual(withoutMinusZero(found), withoutMinusZero(list))
        }),
        { numRuns: 60, seed: 4 }
      )
    ))

  it("goes into as many files as are asked for, no trajectory in two", () =>
    inFolder(async (folder) => {
      const written = Parquet.write(`${folder}/x`, streamOf(three), { rows: 8, bytes: 1e9 })
      expect(await onDisk(written)).toStrictEqual({
        rows: 12,
        files: [0, 1].map((i) => `${folder}/x/train-0000${i}-of-00002.parquet`)
      })
      expect(fs.readdirSync(`${folder}/x`)).toHaveLength(2)
      const [, second] = fs.readdirSync(`${folder}/x`)
      expect(await collected(Parquet.read(`${folder}/x/${second}`))).toStrictEqual(three.slice(2))
      expect(await collected(Parquet.read(`${folder}/x`))).toStrictEqual(three)
    }))

  it("goes into one file where one is named", () =>
    inFolder(async (folder) => {
      const out = `${folder}/x.parquet`
      await onDisk(Parquet.write(out, streamOf(three), { rows: 1, bytes: 1 }))
      expect(fs.readdirSync(folder)).toStrictEqual(["x.parquet"])
      expect(await collected(Parquet.read(out))).toStrictEqual(three)
    }))

  it("of nothing is a table without rows", () =>
    inFolder(async (folder) => {
      await onDisk(Parquet.write(`${folder}/x`, streamOf([])))
      expect(fs.readdirSync(`${folder}/x`)).toStrictEqual(["train-00000-of-00001.parquet"])
      expect(await collected(Parquet.read(`${folder}/x`))).toStrictEqual([])
    }))

  it("tells `datasets` its features, and is compressed by Snappy", () =>
    inFolder(async (folder) => {
      await onDisk(Parquet.write(`${folder}/x.parquet`, streamOf(three)))
      const metadata = await parquetMetadataAsync(bufferOf(`${folder}/x.parquet`))
      const [entry] = metadata.key_value_metadata ?? []
      expect(entry?.key).toBe("huggingface")
      const { info } = JSON.parse(entry?.value ?? "")
      expect(Object.keys(info.features)).toStrictEqual(
        metadata.schema.slice(1).map(({ name }) => name)
      )
      expect(info.features).toMatchObject({
        id: { dtype: "string", _type: "Value" },
        step: { dtype: "int64", _type: "Value" },
        is_success: { dtype: "bool", _type: "Value" },
        reward: { dtype: "float64", _type: "Value" }
      })
      const codecs = metadata.row_groups.flatMap(({ columns }) =>
        columns.map((it) => it.meta_data?.codec)
      )
      expect(new Set(codecs)).toStrictEqual(new Set(["SNAPPY"]))
    }))

  it("is a row per transition, with the columns of its trajectory", () =>
    inFolder(async (folder) => {
      await onDisk(Parquet.write(`${folder}/x.parquet`, streamOf(three)))
      const rows = await parquetReadObjects({ file: bufferOf(`${folder}/x.parquet`) })
      expect(rows).toHaveLength(12)
      expect(rows[5]).toStrictEqual({
        id: "trajectory-b",
        step: 1n,
        steps: 4n,
        is_success: false,
        is_rejected: false,
        environment: "room",
        task_id: "b",
        instruction: "find b",
        seed: 0n,
        payload: "null",
        origin: '{"_tag":"Original"}',
        first_observation: "a room",
        observation: "you hold 0",
        action: "take 1",
        tool_call: null,
        span: null,
        reward: 0,
        next_observation: "you hold 1",
        source: "synthetic",
        provenance:
          '{"_tag":"Synthetic","model":"dreamer","modelVersion":3,"retrieved":[],"reasoning":"","scores":{},"cost":0}',
        ending: '{"_tag":"Terminated","success":false}',
        policy: "tester",
        policy_version: 0n,
        iteration: null,
        verdict: null
      })
    }))
})

/** Writes the three as our columns, changed. */
const changed = async (
  folder: string,
  change: (columns: Array<ColumnSource>) => Array<ColumnSource>
): Promise<string> => {
  const file = `${folder}/x.parquet`
  await onDisk(Parquet.write(file, streamOf(three)))
  const rows = await parquetReadObjects({ file: bufferOf(file) })
  const types: Record<string, "STRING" | "INT64" | "DOUBLE" | "BOOLEAN"> = {
    string: "STRING",
    int64: "INT64",
    float64: "DOUBLE",
    bool: "BOOLEAN"
  }
  const metadata = await parquetMetadataAsync(bufferOf(file))
  const { info } = JSON.parse(metadata.key_value_metadata?.[0]?.value ?? "")
  const columns = Object.keys(rows[0] ?? {}).map((name) => ({
    name,
    data: rows.map((row) => row[name]),
    type: types[info.features[name].dtype] ?? "STRING"
  }))
  parquetWriteFile({ filename: file, columnData: change(columns) })
  return file
}

const setting = (name: string, row: number, value: unknown) => (columns: Array<ColumnSource>) =>
  columns.map((column) =>
    column.name === name ? { ...column, data: Array.from(column.data).with(row, value) } : column
  )

describe("a Parquet file", () => {
  it("that others wrote with these columns is read, whatever its integers are", () =>
    inFolder(async (folder) => {
      const file = await changed(folder, (columns) =>
        columns.map((column) =>
          column.name === "step"
            ? { ...column, type: "DOUBLE", data: Array.from(column.data).map(Number) }
            : column
        )
      )
      expect(await collected(Parquet.read(file))).toStrictEqual(three)
    }))

  it("with other columns is refused, with those that it lacks and has besides", () =>
    inFolder(async (folder) => {
      const file = await changed(folder, (columns) => [
        ...columns.filter(({ name }) => name !== "policy"),
        { name: "text", data: Array.from({ length: 12 }, () => "x"), type: "STRING" }
      ])
      const found = await failure(Parquet.read(file))
      expect(found).toMatchObject({ reason: "Columns", column: "policy", before: [] })
      expect(found.message).toContain("it lacks policy and it has text besides")
    }))

  it.each([
    ["a null where none may be", setting("policy", 5, null), 6, "policy"],
    ["JSON that is none", setting("origin", 4, "{"), 5, "origin"],
    ["a step that is out of place", setting("step", 6, 3n), 7, "step"],
    ["a step of another trajectory", setting("id", 6, "other"), 7, "step"],
    ["no action", setting("action", 1, null), 4, undefined],
    ["a source that contradicts the provenance", setting("source", 1, "synthetic"), 4, undefined],
    ["a success that contradicts the ending", setting("is_success", 0, true), 4, undefined]
  ])("with %s names the row", (_, change, line, column) =>
    inFolder(async (folder) => {
      const found = await failure(Parquet.read(await changed(folder, change)))
      expect(found).toMatchObject({ reason: "Malformed", line, column, file: "x.parquet" })
      expect(found.message).toContain(`row ${line}`)
      expect(found.before).toStrictEqual(three.slice(0, line > 4 ? 1 : 0))
    })
  )

  it("that ends within a trajectory is torn", () =>
    inFolder(async (folder) => {
      const file = await changed(folder, (columns) =>
        columns.map((column) => ({ ...column, data: column.data.slice(0, 11) }))
      )
      const found = await failure(Parquet.read(file))
      expect(found).toMatchObject({ reason: "Torn", before: three.slice(0, 2) })
      expect(found.message).toContain("it ends within trajectory trajectory-c, which has 4 steps")
    }))

  it("that is cut, changed or something else is damaged", () =>
    inFolder(async (folder) => {
      const file = `${folder}/x.parquet`
      await onDisk(Parquet.write(file, streamOf(three)))
      const whole = fs.readFileSync(file)
      for (const bytes of [
        whole.subarray(0, -9),
        whole.subarray(0, 3),
        Buffer.from("no parquet, text")
      ]) {
        fs.writeFileSync(file, bytes)
        expect(await failure(Parquet.read(file))).toMatchObject({ reason: "Malformed" })
      }
    }))

  it("that a series lacks is missed", () =>
    inFolder(async (folder) => {
      await onDisk(Parquet.write(`${folder}/x`, streamOf(three), { rows: 1, bytes: 1e9 }))
      fs.rmSync(`${folder}/x/train-00001-of-00003.parquet`)
      const found = await failure(Parquet.read(`${folder}/x`))
      expect(found).toMatchObject({ reason: "Torn", before: [] })
      expect(found.message).toContain("train-00001-of-00003.parquet is missing")
    }))

  it("that is not there is missing, and so is one in an empty folder", () =>
    inFolder(async (folder) => {
      expect(await failure(Parquet.read(`${folder}/x.parquet`))).toMatchObject({
        reason: "Missing"
      })
      expect(await failure(Parquet.read(`${folder}/x`))).toMatchObject({ reason: "Missing" })
      expect(await failure(Parquet.read(folder))).toMatchObject({ reason: "Missing" })
    }))
})

describe("writing Parquet", () => {
  const failing = (folder: string, room: number) =>
    Effect.runPromise(
      Effect.flip(Effect.provide(Parquet.write(`${folder}/x`, streamOf(three)), disk(room)))
    )

  it("to a full disk leaves nothing", () =>
    inFolder(async (folder) => {
      expect(await failing(folder, 100)).toMatchObject({ _tag: "FormatError", reason: "Io" })
      expect(fs.readdirSync(`${folder}/x`)).toStrictEqual([])
    }))

  it("beside files of another export is refused", () =>
    inFolder(async (folder) => {
      await onDisk(Parquet.write(`${folder}/x`, streamOf(three)))
      const before = fs.readdirSync(`${folder}/x`)
      expect(await failing(folder, 1e9)).toMatchObject({ reason: "Exists" })
      expect(fs.readdirSync(`${folder}/x`)).toStrictEqual(before)
    }))
})
