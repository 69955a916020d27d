/** Tests of arms that share what one run prepared: each is what it would have been alone, or refused. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { allOf, deedsOf } from "./runs.ts"
import { branch, configOf, resume, train } from "./tiny.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "branches-"))
const inHome = (name: string) => path.join(home, name)
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

beforeAll(async () => {
  await Effect.runPromise(train(configOf(home, "first", ["train.iterations=1"])))
}, 60_000)

describe("an arm from what another run prepared", () => {
  it.each([
    ["grpo_s2r", ["learner.algorithm=grpo", "train.iterations=1", "train.realIterations=1"]],
    ["ppo_real", ["train.iterations=1", "train.realShareStart=1", "train.realShareEnd=1"]]
  ])(
    "(%s) is bit for bit what it is alone",
    async (name, settings) => {
      await Effect.runPromise(branch(configOf(home, `${name}-branch`, settings), inHome("first")))
      await Effect.runPromise(train(configOf(home, `${name}-alone`, settings)))
      const untimed = async (run: string) => {
        const all = await allOf(inHome(run))
        return { ...all, deeds: deedsOf(inHome(run)) }
      }
      expect(await untimed(`${name}-branch`)).toEqual(await untimed(`${name}-alone`))
    },
    60_000
  )

  it("goes on like any other run", async () => {
    const error = await Effect.runPromise(Effect.flip(resume(inHome("ppo_real-branch"))))
    expect(error).toMatchObject({ _tag: "NothingToDo" })
  })

  it.each([
    [["seed=9"], /because of seed: it was prepared with another value/],
    [["experience.updates=259"], /because of experience: it was prepared/],
    [["curriculum.spread=true"], /because of curriculum.generate and curriculum.spread/],
    [["train.start=cloned+"], /because of train.start or evaluate.clonedPlus: it has no clone/]
  ])("with %j is refused, and nothing is told of a run", async (settings, message) => {
    const name = `refused-${settings.join()}`.replaceAll(/[^a-z-]/g, "")
    const config = configOf(home, name, settings)
    const error = await Effect.runPromise(Effect.flip(branch(config, inHome("first"))))
    expect(error).toMatchObject({ _tag: "RunError", reason: "ConfigChanged" })
    expect(String(error)).toMatch(message)
    expect(fs.existsSync(path.join(inHome(name), "events.jsonl"))).toBe(false)
  })
})
