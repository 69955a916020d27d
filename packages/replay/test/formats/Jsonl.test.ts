/** Tests of our own format: everything comes back, and what is damaged is named by its line. */
import { NastyArbitraries } from "@dreamgym/laws"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import assert from "node:assert"
import * as fs from "node:fs"
import { gunzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import * as Jsonl from "../../src/formats/Jsonl.ts"
import { trajectoryOf } from "../disk.ts"
import { collected, disk, failure, inFolder, onDisk, streamOf, withoutMinusZero } from "./files.ts"

const three = ["a", "b", "c"].map((id) => trajectoryOf(id))

describe("JSON lines", () => {
  it.each(["x.jsonl", "x.jsonl.gz"])("give back every bit in %s", (name) =>
    inFolder((folder) =>
      fc.assert(
        fc.asyncProperty(NastyArbitraries.trajectories, async (list) => {
          const file = `${folder}/${name}`
          expect(await onDisk(Jsonl.write(file, streamOf(list)))).toBe(list.length)
          assert.deepStrictEqual(await collected(Jsonl.read(file)), list.map(withoutMinusZero))
        }),
        { numRuns: 60, seed: 4 }
      )
    )
  )

  it("are one trajectory a line, in their order, and gzip where the name says so", () =>
    inFolder(async (folder) => {
      await onDisk(Jsonl.write(`${folder}/x.jsonl`, streamOf(three)))
      await onDisk(Jsonl.write(`${folder}/x.jsonl.gz`, streamOf(three)))
      const text = fs.readFileSync(`${folder}/x.jsonl`, "utf8")
      expect(text.split("\n").map((line) => line.slice(0, 22))).toStrictEqual([
        '{"id":"trajectory-a","',
        '{"id":"trajectory-b","',
        '{"id":"trajectory-c","',
        ""
      ])
      expect(gunzipSync(fs.readFileSync(`${folder}/x.jsonl.gz`)).toString()).toBe(text)
    }))

  it("longer than what is read at once come back whole", () =>
    inFolder(async (folder) => {
      const long = { ...trajectoryOf("long"), firstObservation: "wörd ".repeat(1_200_000) }
      await onDisk(Jsonl.write(`${folder}/x.jsonl`, streamOf([long, ...three])))
      expect(await collected(Jsonl.read(`${folder}/x.jsonl`))).toStrictEqual([long, ...three])
    }))

  it("may be blank, end in a carriage return, or begin with a byte order mark", () =>
    inFolder(async (folder) => {
      const file = `${folder}/x.jsonl`
      await onDisk(Jsonl.write(file, streamOf(three)))
      const text = fs.readFileSync(file, "utf8")
      fs.writeFileSync(file, `\uFEFF${text.replaceAll("\n", "\r\n\r\n")}`)
      expect(await collected(Jsonl.read(file))).toStrictEqual(three)
    }))
})

describe("a file of JSON lines that is damaged", () => {
  const damaged = (
    how: (text: string) => string | Uint8Array,
    check: (found: Awaited<ReturnType<typeof failure>>) => void,
    name = "x.jsonl"
  ) =>
    inFolder(async (folder) => {
      const file = `${folder}/${name}`
      await onDisk(Jsonl.write(file, streamOf(three)))
      const text = fs.readFileSync(file, name.endsWith(".gz") ? "latin1" : "utf8")
      fs.writeFileSync(file, how(text))
      check(await failure(Jsonl.read(file)))
    })

  it("names the line that does not parse, after all before it", () =>
    damaged(
      (text) => text.replace('{"id":"trajectory-b"', '\n{"id":oops'),
      (found) => {
        expect(found.before).toStrictEqual(three.slice(0, 1))
        expect(found).toMatchObject({ reason: "Malformed", line: 3, file: "x.jsonl" })
        expect(found.message).toContain("x.jsonl: line 3 is no trajectory (")
      }
    ))

  it("names the line that is JSON of something else", () =>
    damaged(
      () => '{"messages":[]}\n',
      (found) => expect(found).toMatchObject({ reason: "Malformed", line: 1 })
    ))

  it("names the line whose bytes are no text", () =>
    damaged(
      (text) => Buffer.from(text.replace("find b", "find \u00ff"), "latin1"),
      (found) => {
        expect(found).toMatchObject({ reason: "Malformed", line: 2 })
        expect(found.message).toContain("not UTF-8")
      }
    ))

  it("that ends within a line is torn; all before it is given", () =>
    damaged(
      (text) => text.slice(0, -20),
      (found) => {
        expect(found).toMatchObject({ reason: "Torn", line: 3, before: three.slice(0, 2) })
        expect(found.message).toContain("it ends within line 3")
      }
    ))

  it("whose gzip ends too early is torn", () =>
    damaged(
      (text) => Buffer.from(text.slice(0, -40), "latin1"),
      (found) => expect(found).toMatchObject({ reason: "Torn", file: "x.jsonl.gz" }),
      "x.jsonl.gz"
    ))

  it("that is no gzip though it is called so is said to be none", () =>
    damaged(
      () => "plain text\n",
      (found) => expect(found).toMatchObject({ reason: "Malformed", file: "x.jsonl.gz" }),
      "x.jsonl.gz"
    ))

  it("that lacks only its last newline is whole", () =>
    inFolder(async (folder) => {
      const file = `${folder}/x.jsonl`
      await onDisk(Jsonl.write(file, streamOf(three)))
      fs.truncateSync(file, fs.statSync(file).size - 1)
      expect(await collected(Jsonl.read(file))).toStrictEqual(three)
    }))

  it("that is not there is missing", async () => {
    expect(await failure(Jsonl.read("/nowhere/x.jsonl"))).toMatchObject({ reason: "Missing" })
  })
})

describe("writing JSON lines", () => {
  it("that fails leaves what was there, and nothing beside it", () =>
    inFolder(async (folder) => {
      const file = `${folder}/x.jsonl`
      await onDisk(Jsonl.write(file, streamOf(three)))
      const writing = Jsonl.write(file, streamOf(three.slice(0, 2)))
      const error = await Effect.runPromise(Effect.flip(Effect.provide(writing, disk(100))))
      expect(error).toMatchObject({ _tag: "FormatError", reason: "Io", file })
      expect(await collected(Jsonl.read(file))).toStrictEqual(three)
      expect(fs.readdirSync(folder)).toStrictEqual(["x.jsonl"])
    }))

  it("of what JSON does not know is refused, with the trajectory named", () =>
    inFolder(async (folder) => {
      const bad = { ...trajectoryOf("a"), task: { ...trajectoryOf("a").task, payload: 1n } }
      const writing = Effect.provide(Jsonl.write(`${folder}/x.jsonl`, streamOf([bad])), disk())
      const error = await Effect.runPromise(Effect.flip(writing))
      expect(error).toMatchObject({ reason: "Unwritable" })
      expect(error.message).toContain("trajectory-a")
    }))
})
