/** Tests of the ledger: what is written stays, what is torn is gone, and nothing is mixed. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Config from "@dreamgym/pipeline/Config"
import * as Versions from "@dreamgym/pipeline/Versions"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as Conduct from "../src/Conduct.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Plan from "../src/Plan.ts"
import { finished } from "./invented.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "ledger-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const run = <A, E>(work: Effect.Effect<A, E, NodeServices.NodeServices>) =>
  Effect.runPromise(Effect.provide(work, NodeServices.layer))

const study: Plan.Study = { form: "quick", parts: ["exploitation"], seeds: [1, 2], rungs: ["L0"] }
const units = Result.getOrThrow(Plan.units(study))
const entries = units.map((unit) =>
  finished(unit, Result.getOrThrow(Plan.configOf(unit, () => undefined)))
)
const file = () => path.join(home, "results.jsonl")

const written = () => run(Effect.forEach(entries, (entry) => Ledger.append(home, entry)))

describe("the ledger", () => {
  it("reads what was written, of each unit the last", async () => {
    await written()
    expect(await run(Ledger.read(home))).toEqual(entries)
    const [first] = entries
    const failed: Ledger.Entry = { _tag: "Failed", unit: first?.unit ?? "", time: "", reason: "no" }
    await run(Ledger.append(home, failed))
    expect(await run(Ledger.read(home))).toEqual([...entries.slice(1), failed])
  })

  it("is empty where nothing was run", async () => {
    expect(await run(Ledger.read(home))).toEqual([])
  })

  it("does without a last line that a crash cut, wherever it did, and goes on after it", async () => {
    await written()
    const text = fs.readFileSync(file(), "utf8")
    const last = text.lastIndexOf("\n", text.length - 2) + 1
    for (const at of [last + 1, last + 100, text.length - 1]) {
      fs.writeFileSync(file(), text.slice(0, at))
      expect(await run(Ledger.read(home))).toEqual(entries.slice(0, -1))
      await run(Ledger.mend(home))
      await run(Effect.forEach(entries.slice(-1), (entry) => Ledger.append(home, entry)))
      expect(fs.readFileSync(file(), "utf8")).toBe(text)
    }
  })

  it("names a line in the middle that is no result", async () => {
    await written()
    const lines = fs.readFileSync(file(), "utf8").split("\n")
    fs.writeFileSync(file(), lines.with(1, '{"_tag":"Finished"}').join("\n"))
    const failure = await run(Effect.flip(Ledger.read(home)))
    expect([failure.reason, failure.message]).toEqual([
      "Damaged",
      expect.stringContaining("results.jsonl: line 2 is no result of this version")
    ])
  })
})

describe("what a result depends on", () => {
  const versions = { node: "24" }
  const basis = (config: Config.Config) => Ledger.basisOf(config, versions)

  it("is not where its run lies", () => {
    const { defaults } = Config
    const elsewhere = { ...defaults, run: { directory: "/elsewhere", name: "x" } }
    expect(basis(elsewhere)).toEqual(basis(defaults))
  })

  it("is every setting and every version, and the first that differs has a name", () => {
    const { defaults } = Config
    const other = { ...defaults, train: { ...defaults.train, iterations: 31 } }
    expect(Ledger.differenceOf(basis(defaults), basis(other))).toBe(
      "train.iterations was 30 and is 31"
    )
    expect(Ledger.differenceOf(basis(defaults), Ledger.basisOf(defaults, { node: "25" }))).toBe(
      "node was 24 and is 25"
    )
    expect(Ledger.differenceOf(basis(defaults), basis(defaults))).toBeUndefined()
  })
})

describe("a folder that has results", () => {
  const refusal = (asked: ReadonlyArray<Plan.Unit>) => run(Effect.flip(Conduct.check(asked, home)))

  it("takes no others of another version", async () => {
    await written()
    const { message, reason } = await refusal(units)
    expect(reason).toBe("ConfigChanged")
    expect(message).toBe(
      `${home}: L0/1/sft is there already, but node was 24 and is ${process.versions.node}; results are not mixed: give another folder with --directory, or set it as it was`
    )
  })

  it("takes no others of other settings, and takes those that are missing", async () => {
    const versions = await run(Versions.versions)
    const of = ({ basis, ...entry }: Ledger.Finished): Ledger.Finished => ({
      ...entry,
      basis: { ...basis, ...Ledger.hashed(basis.settings, versions) }
    })
    await run(Effect.forEach(entries.slice(1).map(of), (entry) => Ledger.append(home, entry)))
    expect([...(await run(Conduct.check(units, home))).keys()]).toEqual(
      units.slice(1).map(({ id }) => id)
    )
    const others = units.map((unit) => ({
      ...unit,
      settings: [...unit.settings, "train.groupSize=8"]
    }))
    expect((await refusal(others)).message).toContain(
      "ppo_dream is there already, but train.groupSize was 4 and is 8"
    )
  })
})
