/**
 * The process of `StoreDisk.test.ts`: adds to the database that its argument names until the disk refuses, and says as JSON what was
 * acknowledged, how it was refused, and what is kept then.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { writeSync } from "node:fs"
import * as Kept from "../src/Kept.ts"
import * as Store from "../src/store/Store.ts"
import { trajectoryOf } from "../torture/world.ts"

const batch = 10
const [, , file = ""] = process.argv

const program = Effect.gen(function* () {
  const store = yield* Store.open({ file }, () => undefined)
  for (let acknowledged = 0; ; acknowledged += batch) {
    const list = Array.from({ length: batch }, (_, i) => trajectoryOf(acknowledged + i))
    const added = yield* Effect.result(store.add(list.map((one) => Kept.comingOf(one, () => 1))))
    if (Result.isSuccess(added)) continue
    const { message, reason } = added.failure
    const findings = yield* store.verify
    return { acknowledged, reason, message, findings, kept: store.entries().length }
  }
})

const said = await Effect.runPromise(Effect.scoped(program))
writeSync(1, JSON.stringify(said))
