/**
 * The process that `replay.ts` kills: it writes to a buffer's database without end, and says on its standard output what was acknowledged.
 * Arguments: the database, the kind of work, the number of the first trajectory.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { writeSync } from "node:fs"
import * as Kept from "../src/Kept.ts"
import * as Store from "../src/store/Store.ts"
import { isWork, quotasOf, trajectoryOf, type Work } from "./world.ts"

/** A pipe takes a short line whole and at once, so that it is with the reader before the next work begins. */
const say = (...words: ReadonlyArray<unknown>) =>
  Effect.sync(() => void writeSync(1, `${words.join(" ")}\n`))

/** So many trajectories in one addition. */
const batchOf = { bulk: 64, single: 1, eviction: 3, snapshot: 2 } as const satisfies Record<
  Work,
  number
>

const write = Effect.fnUntraced(function* (store: Store.Store, work: Work, first: number) {
  for (let at = first; ; at += batchOf[work]) {
    const batch = Array.from({ length: batchOf[work] }, (_, i) => at + i)
    const coming = batch.map((i) => Kept.comingOf(trajectoryOf(i), () => 1))
    yield* store.add(coming)
    yield* say("added", ...batch)
    if (work !== "snapshot") continue
    const version = yield* store.snapshot
    yield* say("snapshot", version, store.entries().length, at + batch.length - 1)
    if (version % 3 === 0) yield* Effect.ignore(store.release(version - 2))
    if (version % 5 === 0) yield* store.restore(version)
  }
})

const [, , file = "", work = "", first = "0"] = process.argv
if (!isWork(work)) throw new Error(`no such work: ${work}`)
const program = Effect.scoped(
  Effect.gen(function* () {
    const started = yield* Clock.currentTimeMillis
    const store = yield* Store.open({ file, quotas: quotasOf(work) }, () => undefined)
    yield* say("opened", (yield* Clock.currentTimeMillis) - started)
    return yield* write(store, work, Number(first))
  })
)
await Effect.runPromise(program)
