import { History, Task } from "@dreamgym/domain"
import { gunzipSync } from "node:zlib"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import * as HouseholdKnowledge from "../src/household/HouseholdKnowledge.ts"
import { recordings } from "./disk.ts"
import { tokenizer } from "./houses.ts"

interface Recording {
  readonly game: string
  readonly rollout: string
  readonly reset: { readonly observation: string; readonly admissible: ReadonlyArray<string> }
  readonly steps: ReadonlyArray<{
    readonly command: string
    readonly observation: string
    readonly won: boolean
    readonly admissible: ReadonlyArray<string>
  }>
}

const load = (split: string): ReadonlyArray<Recording> =>
  gunzipSync(readFileSync(`${recordings}/${split}.jsonl.gz`))
    .toString()
    .trim()
    .split("\n")
    .map((line): Recording => JSON.parse(line))
    .filter(({ rollout }) => rollout !== "entities")

const taskOf = ({ game, reset }: Recording): Task.Task => ({
  id: game,
  environment: "alfworld",
  instruction: /Your task is to: (.*)\.$/.exec(reset.observation)?.[1] ?? "",
  seed: 0,
  payload: { game },
  origin: Task.original
})

describe.skipIf(recordings === undefined)("The notebook of ALFWorld's own games", () => {
  const rows = recordings === undefined ? [] : load("valid_seen")
  const knowledge = HouseholdKnowledge.ofAlfWorld(
    new Map(rows.map(({ game, reset }) => [game, reset.observation])),
    rows.flatMap(({ steps }) => steps.map(({ observation }) => observation))
  )

  it("understands every reply and sees every win, and no other, in recordings of the original program", () => {
    let won = 0
    for (const row of rows) {
      const task = taskOf(row)
      let history = History.start(row.reset.observation)
      for (const step of row.steps) {
        history = History.append(history, step.command, step.observation)
        const { malformed, success } = knowledge.audit(task, history)
        expect({ malformed, success }).toEqual({ malformed: undefined, success: step.won })
        won += step.won ? 1 : 0
      }
    }
    expect(won).toBeGreaterThan(50)
  })

  it("finds nearly all commands that the original admits, and few others", () => {
    const count = { both: 0, missing: 0, surplus: 0 }
    for (const row of rows.slice(0, 60)) {
      let history = History.start(row.reset.observation)
      let { admissible } = row.reset
      for (const step of row.steps) {
        const isIdle = (text: string) => /^(look|inventory|help|examine .*|slice .*)$/.test(text)
        const original = new Set(admissible.filter((text) => !isIdle(text)))
        const own = knowledge.describe(taskOf(row), history).admissible
        const both = own.filter((text) => original.has(text)).length
        count.both += both
        count.missing += original.size - both
        count.surplus += own.length - both
        history = History.append(history, step.command, step.observation)
        admissible = step.admissible
      }
    }
    expect(count.missing / count.both).toBeLessThan(0.01)
    expect(count.surplus / count.both).toBeLessThan(0.02)
  })

  it("has a lexicon for what policies read and write there", () => {
    const { encode, decode } = tokenizer(knowledge.lexicon)
    for (const row of rows.slice(0, 40)) {
      const task = taskOf(row)
      let history = History.start(row.reset.observation)
      expect(decode(encode(history.first) ?? [])).toBe(history.first)
      for (const { command, observation } of row.steps) {
        const { text, admissible } = knowledge.describe(task, history)
        for (const known of [text, ...admissible, ...(command === "help" ? [] : [observation])]) {
          expect(decode(encode(known) ?? [`unknown word in: ${known}`])).toBe(known)
        }
        history = History.append(history, command, observation)
      }
    }
  })

  it("restates a task of a known house and no other", () => {
    const [row] = rows
    if (row === undefined) throw new Error("no recording")
    const { restate } = knowledge
    const restated = restate(taskOf(row), "put a mug in cabinet")
    expect(restated).toMatchObject({
      instruction: "put a mug in cabinet",
      payload: { game: row.game }
    })
    expect(restated && restate(restated, "put two mug in cabinet")?.id).toBe(
      `${row.game}/as/put two mug in cabinet`
    )
    expect(restate({ ...taskOf(row), id: "elsewhere" }, "put a mug in cabinet")).toBeUndefined()
  })
})
