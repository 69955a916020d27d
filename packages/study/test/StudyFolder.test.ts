/** Tests of a study's folder: what is published is whole without the runs, and takes nobody else's files away. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as Ledger from "../src/Ledger.ts"
import * as Plan from "../src/Plan.ts"
import * as StudyFolder from "../src/StudyFolder.ts"
import { finished } from "./invented.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "study-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const study: Plan.Study = { form: "quick", parts: ["exploitation"], seeds: [1], rungs: ["L0"] }
const units = Result.getOrThrow(Plan.units(study))

const entries: ReadonlyArray<Ledger.Entry> = units.map((unit) =>
  finished(unit, Result.getOrThrow(Plan.configOf(unit, () => undefined)))
)

const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices>) =>
  Effect.runPromise(Effect.provide(effect, NodeServices.layer))

/** Every file below a folder, with its text. */
const filesIn = (folder: string) =>
  Object.fromEntries(
    fs
      .readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .toSorted()
      .map((file) => [path.relative(folder, file), fs.readFileSync(file, "utf8")])
  )

/** A study with a result that was not asked for. */
const conducted = async () => {
  const directory = path.join(home, "study")
  const asked = { study, units, directory }
  await run(StudyFolder.begin(asked))
  const [first] = entries
  if (first === undefined) return expect.unreachable()
  fs.writeFileSync(
    path.join(directory, Ledger.fileName),
    Ledger.textOf([{ ...first, unit: "L3/9/sft" }, ...entries])
  )
  return { directory, asked }
}

describe("a study's folder", () => {
  it("says what was asked from the beginning on", async () => {
    const { directory } = await conducted()
    const asked = await run(StudyFolder.asked(directory))
    expect(asked?.study).toEqual(study)
    expect(asked?.units.map(({ id }) => id)).toEqual(units.map(({ id }) => id))
    expect(await run(StudyFolder.asked(home))).toBeUndefined()
  })

  it("that is damaged says so, with the file and the remedy", async () => {
    fs.writeFileSync(path.join(home, "study.json"), "{")
    const error = await run(Effect.flip(StudyFolder.asked(home)))
    expect(error).toMatchObject({ reason: "Damaged", file: path.join(home, "study.json") })
    expect(error.message).toContain("--seeds")
  })
})

describe("a published study", () => {
  it("writes its own report again, byte for byte, and holds what was asked alone", async () => {
    const { asked, directory } = await conducted()
    const target = path.join(home, "published")
    await run(StudyFolder.publish(asked, directory, target))
    const first = filesIn(target)
    expect(Object.keys(first)).toEqual([
      "data/exploitation-L0.csv",
      "data/runs.csv",
      "figures/exploitation-L0.svg",
      "report.md",
      "results.jsonl",
      "study.json"
    ])
    expect(first["results.jsonl"]).toBe(Ledger.textOf(entries))
    fs.rmSync(directory, { recursive: true })
    for (const name of ["report.md", "figures", "data"]) {
      fs.rmSync(path.join(target, name), { recursive: true })
    }
    const found = await run(StudyFolder.asked(target))
    if (found === undefined) return expect.unreachable()
    await run(StudyFolder.report(found, target))
    expect(filesIn(target)).toEqual(first)
  })

  it("takes away figures of an earlier one, and nothing that is none of a study's", async () => {
    const { asked, directory } = await conducted()
    const target = path.join(home, "published")
    await run(StudyFolder.publish(asked, directory, target))
    fs.writeFileSync(path.join(target, "figures", "old.svg"), "")
    fs.writeFileSync(path.join(target, "notes.md"), "mine")
    await run(StudyFolder.publish(asked, directory, target))
    expect(Object.keys(filesIn(target))).not.toContain("figures/old.svg")
    expect(filesIn(target)["notes.md"]).toBe("mine")
  })

  it("is refused where something else lies", async () => {
    const { asked, directory } = await conducted()
    const target = path.join(home, "other")
    fs.mkdirSync(path.join(target, "data"), { recursive: true })
    fs.writeFileSync(path.join(target, "data", "mine.csv"), "1")
    const error = await run(Effect.flip(StudyFolder.publish(asked, directory, target)))
    expect(error).toMatchObject({ reason: "Exists", file: target })
    expect(filesIn(target)).toEqual({ "data/mine.csv": "1" })
  })
})
