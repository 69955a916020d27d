/** The contract's laws, for our curriculum in each of its forms: by every score, by one of the caller's own, and growing. */
import { assert, describe, it } from "@effect/vitest"
import { Curriculum as Contract, type Task } from "@dreamgym/domain"
import { CurriculumLaws, Law } from "@dreamgym/laws"
import * as Effect from "effect/Effect"
import { Curriculum, TaskScore } from "../src/index.ts"
import { boxTask, trajectoryOf } from "./boxes.ts"
import { sameVariations } from "./variations.ts"

const runner = { describe, it: (name: string, run: () => Promise<void>) => it(name, run) }
const pool = Array.from({ length: 30 }, (_, i) => boxTask(`task ${i}`, "key"))
const evaluation = ["held 1", "held 2"].map((id) => boxTask(id, "key"))
const difficultyOf = ({ id }: Task.Task): number => Number(/\d+/.exec(id)?.[0])

const generator = Contract.TaskGenerator.of({ variations: sameVariations })

const made = (options: Omit<Curriculum.Options, "pool" | "lambda">) =>
  Effect.provideService(
    Curriculum.make({ pool, lambda: 0.3, failedShare: 0.2, ...options }),
    Contract.TaskGenerator,
    generator
  )

const obeys = (
  name: string,
  options: Omit<Curriculum.Options, "pool" | "lambda">,
  promises: { readonly failedShare?: number } = { failedShare: 0.2 }
) =>
  Law.describeLaws(
    runner,
    CurriculumLaws.curriculumLaws({
      name,
      curriculum: made(options),
      pool,
      evaluation,
      lambda: 0.3,
      ...promises
    })
  )

obeys("the paper's curriculum", {})
for (const score of TaskScore.names) {
  obeys(`a curriculum by ${score}`, { score, againShare: 0.4 })
}

/** Tasks that were tried least, and whatever one may make of a record. */
const newest: TaskScore.Score = ({ attempts, history }) =>
  attempts === 0 ? Number.NaN : 1 / attempts + (history?.best ?? 0)
obeys("a curriculum by a score of one's own", { score: newest, againShare: 0.4 })
// A failure that is not open does not come again.
obeys(
  "a growing curriculum",
  { growing: { difficultyOf, start: 0.2, target: 0.4 }, score: "regret", againShare: 0.4 },
  {}
)

const groupOf = (task: Task.Task, returns: ReadonlyArray<number>) => ({
  task,
  policyVersion: 0,
  trajectories: returns.map((value, i) =>
    trajectoryOf(`${task.id}#${i}`, task, [["wait", "Time.", value]], {})
  )
})

describe("a score of one's own", () => {
  /** In what is nearly always done, the last step is learnt. */
  const nearlyDone: TaskScore.Score = ({ meanReturn }) => (meanReturn < 1 ? meanReturn : 0)

  it.effect("says which tasks come again, and which are seeds", () =>
    Effect.gen(function* () {
      const curriculum = yield* made({ score: nearlyDone, againShare: 0.2, failedShare: 0 })
      const returns = [
        [1, 1, 1, 1],
        [1, 1, 1, 0],
        [1, 0, 1, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 0]
      ]
      yield* curriculum.observe(
        returns.flatMap((own, i) => (pool[i] ? [groupOf(pool[i], own)] : []))
      )
      const proposal = yield* curriculum.propose(10, 1)
      const tried = proposal.filter((task) => pool.slice(0, 5).includes(task))
      assert.deepStrictEqual(new Set(tried.map(({ id }) => id)), new Set(["task 1", "task 2"]))
      const parents = proposal.flatMap(({ origin }) =>
        origin._tag === "Generated" ? [origin.parentId] : []
      )
      assert.deepStrictEqual(parents.toSorted(), ["task 1", "task 1", "task 2"])
    })
  )

  it.effect("that says nothing of a task (0, or no number) brings none again", () =>
    Effect.gen(function* () {
      for (const nothing of [0, -1, Number.NaN]) {
        const curriculum = yield* made({ score: () => nothing, againShare: 0.5, failedShare: 0 })
        yield* curriculum.observe(pool.slice(0, 5).map((task) => groupOf(task, [1, 0])))
        const proposal = yield* curriculum.propose(20, 1)
        assert.notIncludeMembers([...proposal], pool.slice(0, 5))
        assert.isTrue(proposal.every(({ origin }) => origin._tag === "Original"))
      }
    })
  )

  it.effect("that is equal of all brings first what was offered longest ago", () =>
    Effect.gen(function* () {
      const curriculum = yield* made({ score: () => 0.01, againShare: 1, failedShare: 0 })
      yield* curriculum.observe(pool.map((task) => groupOf(task, [1, 0])))
      const offered: Array<string> = []
      for (const key of [1, 2, 3]) {
        offered.push(...(yield* curriculum.propose(10, key)).map(({ id }) => id))
      }
      assert.deepStrictEqual(offered.toSorted(), pool.map(({ id }) => id).toSorted())
    })
  )
})
