/**
 * How fast a buffer's database takes and gives: figures for `replay.bench.ts`.
 * Steps are of about 600 bytes, eight to a trajectory; vectors are not in the database.
 */
import { Seed, Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Figure } from "../../../scripts/figures.ts"
import * as Kept from "../src/Kept.ts"
import * as Store from "../src/store/Store.ts"

const stepsOfEach = 8
const trajectories = 12_500
const together = 250

const filler = "the quick brown fox jumps over the lazy dog and runs along the river. ".repeat(8)

const comingOf = (n: number): Kept.Coming => {
  const trajectory: Trajectory.Trajectory = {
    id: `t${n}`,
    task: {
      id: `task-${n % 200}`,
      environment: "bench",
      instruction: "put everything in its place",
      seed: n,
      payload: null,
      origin: Task.original
    },
    firstObservation: `You are in room ${n}.`,
    transitions: Array.from({ length: stepsOfEach }, (_, i) => ({
      observation: i === 0 ? `You are in room ${n}.` : `${n} ${i - 1} ${filler}`,
      action: { text: `take thing ${i} of ${n}` },
      reward: 0,
      nextObservation: `${n} ${i} ${filler}`,
      provenance: { _tag: "Real", environment: "bench", version: "1" }
    })),
    ending: { _tag: "Terminated", success: n % 3 === 0 },
    policy: "bench",
    policyVersion: 0
  }
  return Kept.comingOf(trajectory, () => 1)
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const took = <A, E>(work: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const began = performance.now()
    yield* work
    return performance.now() - began
  })

/** Steps per second in additions of 2,000 steps, two of them under way at any time. */
const bulk = Effect.fnUntraced(function* (store: Store.Store) {
  const starts = Array.from({ length: trajectories / together }, (_, i) => i * together)
  const all = starts.map((start) => Array.from({ length: together }, (_, i) => comingOf(start + i)))
  const milliseconds = yield* took(Effect.forEach(all, store.add, { concurrency: 2 }))
  return ((trajectories * stepsOfEach) / milliseconds) * 1000
})

/** One trajectory of one step, added and safe; beside it 4 KiB written and synced to a file of its own, in turns. */
const single = Effect.fnUntraced(function* (store: Store.Store, file: string) {
  const page = new Uint8Array(4096)
  const handle = fs.openSync(file, "w")
  const times: Array<readonly [number, number]> = []
  for (let i = 0; i < 200; i++) {
    const { trajectory } = comingOf(trajectories + i)
    const transitions = trajectory.transitions.slice(0, 1)
    const coming = Kept.comingOf({ ...trajectory, transitions }, () => 1)
    const sync = Effect.sync(() => {
      fs.writeSync(handle, page)
      fs.fdatasyncSync(handle)
    })
    times.push([yield* took(store.add([coming])), yield* took(sync)])
  }
  fs.closeSync(handle)
  return { add: median(times.map(([add]) => add)), sync: median(times.map(([, sync]) => sync)) }
})

/** Thirty-two trajectories that are not in memory: 256 steps. */
const batch = Effect.fnUntraced(function* (file: string) {
  const store = yield* Store.open({ file, cached: 0, quotas: {} }, () => undefined)
  const entries = store.entries()
  const random = Seed.generator(3)
  const times: Array<number> = []
  for (let i = 0; i < 100; i++) {
    const chosen = Array.from({ length: 256 / stepsOfEach }, () => {
      const entry = entries[Seed.below(random, entries.length)]
      return entry === undefined ? [] : [entry]
    })
    times.push(yield* took(store.read(chosen.flat())))
  }
  return median(times)
}, Effect.scoped)

/** The files of a database that is open, as a kill would leave them. */
const abandoned = (file: string): string => {
  const copy = `${file}-abandoned`
  for (const part of ["", "-wal"]) fs.copyFileSync(`${file}${part}`, `${copy}${part}`)
  return copy
}

export const storing: Effect.Effect<ReadonlyArray<Figure>, unknown> = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "dreamgym-bench-"))),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
  )
  const file = `${directory}/replay.sqlite`
  const store = yield* Store.open({ file, quotas: {} }, () => undefined)
  const perSecond = yield* bulk(store)
  const { add, sync } = yield* single(store, `${directory}/synced`)
  const copy = abandoned(file)
  const opened = Effect.scoped(Store.open({ file: copy, quotas: {} }, () => undefined))
  const opening = yield* took(opened)
  const reading = yield* batch(copy)
  const against = `one fdatasync of 4 KiB, ${sync.toFixed(2)} ms`
  const [unit, higherIsBetter] = ["ms", false] as const
  return [
    {
      name: "100k steps in bulk",
      unit: "1/s",
      goal: 15_000,
      higherIsBetter: true,
      value: perSecond
    },
    {
      name: "one step, safe on disk, p50",
      unit: "x",
      goal: 1.5,
      higherIsBetter,
      value: add / sync,
      against
    },
    { name: "256 steps by number, p50", unit, goal: 5, higherIsBetter, value: reading },
    { name: "open after a crash, 100k steps", unit, goal: 50, higherIsBetter, value: opening }
  ]
}).pipe(Effect.scoped)
