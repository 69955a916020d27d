/** A database for these tests: opened as often as wanted, read from outside, gone at the end. */
import type { ReplayBuffer as Contract } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { DatabaseSync } from "node:sqlite"
import { ReplayBuffer } from "../src/index.ts"
import { disk, temporaryDirectory, trajectoryOf } from "./disk.ts"

/** A place for a database: `use` opens it, runs the program and closes it again. */
export const place = Effect.map(temporaryDirectory, (directory) => {
  const file = `${directory}/replay.sqlite`
  return {
    directory,
    file,
    use:
      (options: Partial<ReplayBuffer.SqliteOptions> = {}) =>
      <A, E>(program: Effect.Effect<A, E, Contract.ReplayBuffer>) =>
        program.pipe(
          Effect.provide(ReplayBuffer.layerSqlite({ file, ...options }), { local: true }),
          Effect.provide(disk().layer)
        ),
    /** SQL from outside, as another program would. */
    sql: (text: string) => {
      const database = new DatabaseSync(file)
      const rows = database.prepare(text).all()
      database.close()
      return rows.map((row) => ({ ...row }))
    }
  }
})

export const dream = (id: string) => trajectoryOf(id, { isReal: false })
export const runs = (property: fc.IAsyncProperty<unknown>, numRuns = 20) =>
  Effect.promise(() => fc.assert(property, { numRuns, seed: 4 }))
