/** Tests of how hard tasks are, of houses from easy to hard, and of a run whose tasks grow with its agent. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as DreamTask from "@dreamgym/experience/DreamTask"
import * as Rung from "@dreamgym/environment/household/Rung"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import type { Config } from "../src/Config.ts"
import { resolve } from "../src/ConfigResolve.ts"
import * as Difficulty from "../src/Difficulty.ts"
import * as World from "../src/World.ts"
import { allOf, copyAt, of } from "./runs.ts"
import { configOf, resume, train } from "./tiny.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "difficulty-"))
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

const worldFrom = (config: Config) =>
  Effect.runPromise(Effect.provide(World.make(config), NodeServices.layer))

const worldOf = (settings: ReadonlyArray<string>) =>
  worldFrom(Result.getOrThrow(resolve({ settings })))

const mean = (values: ReadonlyArray<number>) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

describe("the difficulty of a task", () => {
  it("rises with the rung, and is that of the dream too", async () => {
    const found = await Promise.all(
      ["L0", "L1", "L3", "L4"].map(async (rung) => {
        const { collection, difficultyOf } = await worldOf([
          `environment.rung=${rung}`,
          "collect.trajectories=100"
        ])
        for (const task of collection.slice(0, 5)) {
          expect(difficultyOf(DreamTask.dreamTask(task, ""))).toBe(difficultyOf(task))
        }
        return mean(collection.map(difficultyOf))
      })
    )
    expect(found).toEqual(found.toSorted((a, b) => a - b))
    expect(found.at(-1)).toBeGreaterThan(2 * (found[0] ?? 0))
  })

  it("is read from the first observation where there is no house", () => {
    const task = {
      id: "1",
      environment: "alfworld",
      instruction: "put two book in desk",
      seed: 0,
      origin: { _tag: "Original" },
      payload: {}
    } as const
    const seen = "Looking quickly around you, you see a cabinet 1, a cabinet 2 and a desk 1."
    expect(Difficulty.ofText(task)).toBe(8)
    expect(Difficulty.ofText(DreamTask.dreamTask(task, seen))).toBe(8 + 0.75 * 3)
  })
})

describe("houses from easy to hard", () => {
  it("have every level in any part, the last as the rung is, and begin easier", async () => {
    const levels = Difficulty.levelsOf(Rung.rungs.L3)
    const { collection, difficultyOf, heldOut, practice } = await worldOf([
      "curriculum.spread=true",
      "collect.trajectories=80"
    ])
    const plain = await worldOf(["collect.trajectories=80"])
    const ofLevel = (level: number) => collection.filter((_, i) => i % levels.length === level)
    const found = levels.map((_, level) => mean(ofLevel(level).map(difficultyOf)))
    expect(found).toEqual(found.toSorted((a, b) => a - b))
    expect(plain.collection.slice(0, 20)).toEqual(ofLevel(3))
    expect(heldOut).toEqual(plain.heldOut)
    const all = [...collection, ...practice(40, 0)].map(({ id }) => id)
    expect(new Set(all).size).toBe(120)
  })

  it("are one sequence, however it is cut", () => {
    const number = fc.nat(30)
    const task = (level: number, place: number) => ({
      id: `${level} ${place}`,
      environment: "somewhere",
      instruction: "go",
      seed: 0,
      origin: { _tag: "Original" as const },
      payload: {}
    })
    const levels = Difficulty.levelsOf(Rung.rungs.L3)
    const drawn = (count: number, offset: number) =>
      Difficulty.interleaved(levels, count, offset, (level, size, from) =>
        Array.from({ length: size }, (_, i) => task(levels.indexOf(level), from + i))
      ).map(({ id }) => id)
    fc.assert(
      fc.property(number, number, number, (a, b, from) => {
        expect([...drawn(a, from), ...drawn(b, from + a)]).toEqual(drawn(a + b, from))
        expect(drawn(a, from)).toHaveLength(a)
      })
    )
  })
})

describe("a run whose tasks grow with its agent", () => {
  const settings = [
    "environment.rung=L1",
    "curriculum.order=growing",
    "curriculum.spread=true",
    "curriculum.score=learningProgress",
    "curriculum.againShare=0.25",
    "curriculum.startShare=0.2"
  ]

  it("tells how hard they are, begins with easy ones, and goes on from a checkpoint", async () => {
    await Effect.runPromise(train(configOf(home, "growing", settings)))
    const uniform = await worldFrom(configOf(home, "uniform", settings))
    const all = mean(uniform.collection.map(uniform.difficultyOf))
    const told = of(path.join(home, "growing"), "PhaseProgressed").flatMap(
      ({ metrics }) => metrics["curriculum/difficulty"] ?? []
    )
    expect(told).toHaveLength(4)
    expect(told[0]).toBeLessThan(all)
    const open = of(path.join(home, "growing"), "PhaseProgressed").flatMap(
      ({ metrics }) => metrics["curriculum/open"] ?? []
    )
    expect(open).toEqual([0, 1, 2, 3].map(() => 10 / 52))
    const folder = copyAt(path.join(home, "growing"), path.join(home, "resumed"), 2)
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(path.join(home, "growing")))
  }, 60_000)
})

describe("settings of the curriculum that contradict one another", () => {
  it.each([
    [["curriculum.againShare=0.8"], /together more than all of them/],
    [["curriculum.target=0.5"], /nothing would read curriculum.target/],
    [["curriculum.startShare=0.5"], /nothing would read curriculum.startShare/],
    [["curriculum.generate=false", "curriculum.score=regret"], /nothing would read curr.*score/]
  ])("%j are refused with the reason", (given, message) => {
    const result = resolve({ settings: given })
    expect(Result.isFailure(result) && result.failure.message).toMatch(message)
  })
})
