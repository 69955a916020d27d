/**
 * What the curricula of a run do, as metrics: how hard the tasks were that an iteration played, and how much of the pools is open.
 * It chooses no task, and says nothing of how well they were done.
 */
import { Curriculum, type Task } from "@dreamgym/domain"
import * as Growth from "@dreamgym/experience/Growth"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Iteration, Source } from "./Improve.ts"

/** A source with the original tasks that its curriculum draws from. */
export interface Pool {
  readonly source: {
    readonly name: Source["name"]
    readonly services: Context.Context<Curriculum.Curriculum>
  }
  readonly pool: ReadonlyArray<Task.Task>
}

type Part = Pick<Iteration["parts"][number], "source" | "tasks">

/**
 * Of the sources that played in an iteration, after it:
 * `curriculum/difficulty`: the mean of the tasks that were played, as often as they were, generated ones included, and
 * `curriculum/difficulty_max`, in what `difficultyOf` measures;
 * `curriculum/open`: the share, from 0 to 1, of the original tasks that the next iteration is drawn from; 1 where no pool grows.
 */
export const make = (
  pools: ReadonlyArray<Pool>,
  difficultyOf: (task: Task.Task) => number,
  growing?: Growth.Growing
) => {
  const growths = pools.map(({ pool, source }) => ({
    pool,
    source,
    openOf: growing === undefined ? () => pool : Growth.opening(pool, growing)
  }))
  return Effect.fn("CurriculumMetrics.of")(function* (parts: ReadonlyArray<Part>) {
    const names = new Set(parts.map(({ source }) => source))
    const played = growths.filter(({ source }) => names.has(source.name))
    const open = yield* Effect.forEach(played, ({ openOf, source }) =>
      Effect.map(
        Context.get(source.services, Curriculum.Curriculum).records,
        (records) => openOf(records).length
      )
    )
    const difficulties = parts.flatMap(({ tasks }) => tasks.map(difficultyOf))
    return {
      ...(difficulties.length === 0 ? {} : levels(difficulties)),
      "curriculum/open": sum(open) / Math.max(1, sum(played.map(({ pool }) => pool.length)))
    }
  })
}

const levels = (difficulties: ReadonlyArray<number>) => ({
  "curriculum/difficulty": sum(difficulties) / difficulties.length,
  "curriculum/difficulty_max": Math.max(...difficulties)
})

const sum = (values: ReadonlyArray<number>): number =>
  values.reduce((total, value) => total + value, 0)
