/** A process that adds one trajectory after the other to a buffer, and says of each when it is acknowledged; it ends by being killed. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Kept from "../../src/Kept.ts"
import * as Postgres from "../../src/postgres/Postgres.ts"
import { trajectoryOf } from "../disk.ts"

const [url = "", schema = "", prefix = "", perAddition = "1"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const kept = yield* Postgres.open({ url: Redacted.make(url), schema }, () => undefined)
  for (let i = 0; ; i++) {
    const ids = Array.from({ length: Number(perAddition) }, (_, n) => `${prefix}-${i}-${n}`)
    yield* kept.add(ids.map((id) => Kept.comingOf(trajectoryOf(id), () => 1)))
    yield* Effect.sync(() => process.stdout.write(`${ids.join(" ")}\n`))
  }
})

Effect.runFork(Effect.scoped(program))
