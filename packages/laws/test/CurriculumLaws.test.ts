import { Curriculum, Seed, Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { CurriculumLaws } from "../src/index.ts"
import { provenLaws } from "./mutations.ts"

const taskOf = (id: string): Task.Task => ({
  id,
  environment: "door",
  instruction: "open the door",
  seed: 0,
  payload: {},
  origin: Task.original
})

const pool = [..."abcdefghijklmnopqrst"].map((letter) => taskOf(`door ${letter}`))
const evaluation = ["held x", "held y"].map(taskOf)
const lambda = 0.3
const failedShare = 0.2

/** What a broken curriculum does otherwise. */
interface Flaws {
  readonly isShort?: boolean
  readonly adds?: Task.Task
  readonly lambda?: number
  readonly variesAnything?: boolean
  readonly forgetsFailures?: boolean
  readonly noise?: () => number
  readonly countsProposals?: boolean
  readonly losesAttempts?: boolean
  readonly countsFaults?: boolean
  readonly sumsUp?: boolean
}

type Records = ReadonlyArray<Curriculum.TaskRecord>

const returnsOf = ({ trajectories }: Trajectory.TrajectoryGroup, { countsFaults }: Flaws) =>
  trajectories
    .filter(({ ending }) => countsFaults === true || ending._tag !== "Failed")
    .map(({ transitions }) => transitions.reduce((sum, { reward }) => sum + reward, 0))

const average = (values: ReadonlyArray<number>) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const observed = (records: Records, group: Trajectory.TrajectoryGroup, flaws: Flaws): Records => {
  const isOther = ({ task }: Curriculum.TaskRecord) => task.id !== group.task.id
  const before = records.find((record) => !isOther(record))
  const returns = returnsOf(group, flaws)
  const meanReturn = average(returns)
  const variance = average(returns.map((value) => (value - meanReturn) ** 2))
  const attempts = (before?.attempts ?? 0) + returns.length
  const told = flaws.sumsUp ? meanReturn * returns.length : meanReturn
  return [...records.filter(isOther), { task: group.task, attempts, meanReturn: told, variance }]
}

const variationOf = (seed: Task.Task, name: string): Task.Task => ({
  ...seed,
  id: `${seed.id}/${name}`,
  origin: { _tag: "Generated", parentId: seed.id, generation: 1 }
})

/** Variations of what varies, then failures, then the pool in an order of the key. */
const proposed = (records: Records, count: number, key: number, flaws: Flaws) => {
  const isOurs = ({ task }: Curriculum.TaskRecord) =>
    flaws.variesAnything === true || pool.some(({ id }) => id === task.id)
  const seeds = records.filter((record) => isOurs(record) && record.variance > 0)
  const share = Math.floor((flaws.lambda ?? lambda) * count + 1e-9)
  const generated = Array.from({ length: seeds.length === 0 ? 0 : share }, (_, i) => {
    const seed = seeds[i % seeds.length]?.task ?? taskOf("none")
    return variationOf(seed, `${key}.${i}`)
  })
  const failed = records.filter(
    ({ attempts, meanReturn, task }) =>
      attempts > 0 && meanReturn === 0 && pool.some(({ id }) => id === task.id)
  )
  const quota = flaws.forgetsFailures ? 0 : Math.floor(failedShare * count + 1e-9)
  const again = failed.slice(0, quota).map(({ task }) => task)
  const names = new Set(again.map(({ id }) => id))
  // The pool goes by the attempts at it, so that a record that is lost shows.
  const attemptsOf = (id: string) => records.find(({ task }) => task.id === id)?.attempts ?? 0
  const rest = Seed.shuffle(Seed.generator(key), pool)
    .filter(({ id }) => !names.has(id))
    .toSorted((a, b) => attemptsOf(a.id) - attemptsOf(b.id))
  const first = [...(flaws.adds === undefined ? [] : [flaws.adds]), ...generated, ...again]
  const round = [...rest, ...again]
  const turns = Array.from({ length: count }, (_, i) => round[i % round.length] ?? taskOf("none"))
  return [...first, ...turns].slice(0, flaws.isShort ? Math.min(3, count) : count)
}

const curriculumOf = (flaws: Flaws) => {
  let records: Records = []
  let proposals = 0
  return Curriculum.Curriculum.of({
    observe: (groups) =>
      Effect.sync(() => {
        for (const group of groups) records = observed(records, group, flaws)
      }),
    propose: (count, key) =>
      Effect.sync(() => {
        const own = key + (flaws.countsProposals ? proposals++ : 0) + (flaws.noise?.() ?? 0)
        return proposed(records, count, own, flaws)
      }),
    records: Effect.sync(() => records),
    restore: (saved) =>
      Effect.sync(() => {
        records = flaws.losesAttempts ? saved.map((one) => ({ ...one, attempts: 1 })) : saved
      })
  })
}

const suite = (flaws: Flaws = {}) =>
  CurriculumLaws.curriculumLaws({
    name: "a simple curriculum",
    curriculum: Effect.sync(() => curriculumOf(flaws)),
    pool,
    evaluation,
    lambda,
    failedShare
  })

let drawn = 0

provenLaws(suite(), {
  "a proposal has as many tasks as were asked for, each of the pool or generated": [
    {
      broken: suite({ isShort: true }),
      because: /how many were proposed: expected \d+, found 3/
    },
    {
      broken: suite({ adds: taskOf("elsewhere") }),
      because: /not of the pool: expected \[\], found \["door\\nelsewhere"\]/
    }
  ],
  "at most the share lambda of a proposal is generated": {
    broken: suite({ lambda: 0.5 }),
    because: /\d+ of \d+ were generated, and lambda is 0.3/
  },
  "an evaluation task is never proposed nor varied, even where its episodes were observed": [
    {
      broken: suite({ adds: taskOf("held x") }),
      because: /evaluation tasks or variations of them: expected \[\], found \["door\\nheld x"\]/
    },
    {
      broken: suite({ variesAnything: true }),
      because: /evaluation tasks or variations of them: expected \[\], found \["door\\nheld [xy]\//
    }
  ],
  "tasks on which every attempt failed get their share": {
    broken: suite({ forgetsFailures: true }),
    because: /\d of \d+ had failed, and \d should have/
  },
  "the same story and keys give the same proposals and records": {
    broken: suite({ noise: () => drawn++ }),
    because: /the proposals: expected .*found/
  },
  "one that has the records of another, written and read, goes on as that one does": [
    {
      broken: suite({ losesAttempts: true }),
      because: /the restored records: expected .*"attempts":[^1]/
    },
    { broken: suite({ countsProposals: true }), because: /the proposals: expected .*found/ }
  ],
  "an episode that failed says nothing of its task": {
    broken: suite({ countsFaults: true }),
    because: /the (proposals|records): expected .*found/
  },
  "a record says what was seen of its task: attempts, and the last group's mean": {
    broken: suite({ sumsUp: true }),
    because: /the record of .*: expected .*"meanReturn":.*found .*"meanReturn"/
  }
})
