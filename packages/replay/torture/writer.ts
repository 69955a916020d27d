/**
 * The process that `replay.ts` kills: it writes to a buffer's database without end, and says on its standard output what was acknowledged.
 * Arguments: the database, the kind of work, the number of the first trajectory.
 */
import * as Effect from "effect/Effect"
import { writeSync } from "node:fs"
import * as Kept from "../src/Kept.ts"
import * as Store from "../src/store/Store.ts"
import {
  dreamQuota,
  importSize,
  isWork,
  quotasOf,
  space,
  trajectoryOf,
  vectorsOf,
  type Work
} from "./world.ts"

/** A pipe takes a short line whole and at once, so that it is with the reader before the next work begins. */
const say = (...words: ReadonlyArray<unknown>) =>
  Effect.sync(() => void writeSync(1, `${words.join(" ")}\n`))

type Write = (store: Store.Store, batch: ReadonlyArray<number>) => Effect.Effect<unknown, unknown>

const comingOf = (batch: ReadonlyArray<number>) =>
  batch.map((n) => Kept.comingOf(trajectoryOf(n), () => 1))

const add: Write = (store, batch) =>
  Effect.andThen(store.add(comingOf(batch)), say("added", ...batch))

const takeSnapshot: Write = Effect.fnUntraced(function* (store, batch) {
  yield* add(store, batch)
  const version = yield* store.snapshot
  yield* say("snapshot", version, store.entries().length, batch.at(-1))
  if (version % 3 === 0) yield* Effect.ignore(store.release(version - 2))
  if (version % 5 === 0) yield* store.restore(version)
})

const importAll: Write = (store, batch) =>
  Effect.andThen(store.replace(comingOf(batch)), say("imported", batch[0]))

const prune: Write = Effect.fnUntraced(function* (store, batch) {
  yield* add(store, batch)
  yield* store.prune({ quotas: { synthetic: dreamQuota } })
  yield* say("pruned")
})

const embed: Write = Effect.fnUntraced(function* (store, batch) {
  yield* add(store, batch)
  const some = store
    .entries()
    .slice(-batch.length)
    .map(({ id, seq }) => ({ seq, vectors: vectorsOf(Number(id)) }))
  yield* store.vectors?.write(space, some) ?? Effect.void
  yield* say("embedded", ...batch)
})

/** How each kind of work goes on with the next trajectories, and how many they are. */
const works: Readonly<Record<Work, readonly [count: number, Write]>> = {
  bulk: [64, add],
  single: [1, add],
  eviction: [3, add],
  snapshot: [2, takeSnapshot],
  migration: [1, add],
  import: [importSize, importAll],
  prune: [16, prune],
  vectors: [8, embed]
}

const write = Effect.fnUntraced(function* (store: Store.Store, work: Work, first: number) {
  const [count, go] = works[work]
  for (let at = first; ; at += count) {
    yield* go(
      store,
      Array.from({ length: count }, (_, i) => at + i)
    )
  }
})

const [, , file = "", work = "", first = "0"] = process.argv
if (!isWork(work)) throw new Error(`no such work: ${work}`)
const program = Effect.scoped(
  Effect.gen(function* () {
    // Where the opening is the work, the clock of the killer starts before it.
    if (work === "migration") yield* say("opening")
    const store = yield* Store.open({ file, quotas: quotasOf(work) }, () => undefined)
    yield* say("opened")
    return yield* write(store, work, Number(first))
  })
)
await Effect.runPromise(program)
