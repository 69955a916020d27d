/** Tests of what the curricula of a run tell of themselves: of pools whose tasks are as hard as their number. */
import { Curriculum, type Task } from "@dreamgym/domain"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as CurriculumMetrics from "../src/CurriculumMetrics.ts"

const taskOf = (id: number): Task.Task => ({
  id: `${id}`,
  environment: "somewhere",
  instruction: "go",
  seed: 0,
  origin: { _tag: "Original" },
  payload: {}
})

const tasks = (...ids: ReadonlyArray<number>) => ids.map(taskOf)
const upTo = (count: number) => tasks(...Array.from({ length: count }, (_, i) => i))

const recordOf = (task: Task.Task): Curriculum.TaskRecord => ({
  task,
  attempts: 4,
  meanReturn: 1,
  variance: 0
})

/** A source of one that has mastered its `mastered` easiest tasks. */
const poolOf = (name: "dream" | "real", size: number, mastered: number) => {
  const curriculum = Curriculum.Curriculum.of({
    records: Effect.succeed(upTo(mastered).map(recordOf)),
    observe: () => Effect.die("it only watches"),
    propose: () => Effect.die("it only watches"),
    restore: () => Effect.die("it only watches")
  })
  const services = Context.make(Curriculum.Curriculum, curriculum)
  return { source: { name, services }, pool: upTo(size) } as const
}

const difficultyOf = ({ id }: Task.Task) => Number(id)
const growing = { difficultyOf, start: 0.2, target: 0.6 }

const measured = (
  parts: Parameters<ReturnType<typeof CurriculumMetrics.make>>[0],
  isGrowing = true
) =>
  Effect.runPromise(
    CurriculumMetrics.make(
      [poolOf("dream", 40, 8), poolOf("real", 10, 0)],
      difficultyOf,
      isGrowing ? growing : undefined
    )(parts)
  )

describe("what the curricula of an iteration tell", () => {
  it("are the mean and the greatest difficulty of what was played, as often as it was", async () => {
    expect(await measured([{ source: "dream", tasks: tasks(1, 1, 4) }])).toEqual({
      "curriculum/difficulty": 2,
      "curriculum/difficulty_max": 4,
      "curriculum/open": 12 / 40
    })
  })

  it("count the pools that were played from, and no other", async () => {
    const parts = [
      { source: "dream", tasks: tasks(2) },
      { source: "real", tasks: tasks(4) }
    ] as const
    const open = async (of: Parameters<typeof measured>[0], isGrowing?: boolean) =>
      (await measured(of, isGrowing))["curriculum/open"]
    expect(await open(parts)).toBe((12 + 2) / 50)
    expect(await open(parts.slice(1))).toBe(2 / 10)
    expect(await open(parts, false)).toBe(1)
  })

  it("have no difficulty where nothing was played", async () => {
    expect(await measured([{ source: "real", tasks: [] }])).toEqual({ "curriculum/open": 0.2 })
  })
})
