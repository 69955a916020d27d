/** Databases for the tests of the store: opened as often as wanted, looked into from outside, gone at the end. */
import type { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { DatabaseSync } from "node:sqlite"
import * as Kept from "../src/Kept.ts"
import * as Store from "../src/store/Store.ts"
import { temporaryDirectory, trajectoryOf } from "./disk.ts"

type Trajectories = ReadonlyArray<Trajectory.Trajectory>

/** A place for a database: `open` opens it until the scope ends; `use` opens it, runs the program and closes it again. */
export const place = Effect.map(temporaryDirectory, (directory) => {
  const file = `${directory}/replay.sqlite`
  const open = (
    options: Partial<Store.Options> = {},
    changed: (change: Kept.Change) => void = () => undefined
  ) => Store.open({ file, ...options }, changed)
  return {
    directory,
    file,
    open,
    use: <A, E>(
      program: (store: Store.Store) => Effect.Effect<A, E>,
      options: Partial<Store.Options> = {}
    ) => Effect.scoped(Effect.flatMap(open(options), program)),
    /** SQL from outside, as another program would. */
    sql: (text: string) => {
      const database = new DatabaseSync(file)
      const rows = database.prepare(text).all()
      database.close()
      return rows.map((row) => ({ ...row }))
    },
    /** Many statements. */
    script: (text: string) => {
      const database = new DatabaseSync(file)
      database.exec(text)
      database.close()
    }
  }
})

export const dream = (id: string) => trajectoryOf(id, { isReal: false })

/** What the quality filter rejected. */
export const rejected = (id: string, isReal = false): Trajectory.Trajectory => ({
  ...trajectoryOf(id, { isReal }),
  verdict: { _tag: "Rejected", reason: "Judged", message: "too dull", scores: { dull: 2 } }
})

/** Better is what a later policy did. */
export const byVersion: Kept.Quality = ({ policyVersion }) => policyVersion

export const coming = (list: Trajectories, quality: Kept.Quality = byVersion) =>
  list.map((one) => Kept.comingOf(one, quality))

export const add = (store: Kept.Kept, ...list: Trajectories) => store.add(coming(list))

/** All that is kept, oldest first. */
export const all = (store: Kept.Kept) =>
  Effect.map(
    Effect.suspend(() => store.read(store.entries())),
    (list): Trajectories => list ?? []
  )

/** The tasks of all that is kept, oldest first. */
export const kept = (store: Kept.Kept) =>
  Effect.map(all(store), (list) => list.map(({ task }) => task.id))

export const runs = (property: fc.IAsyncProperty<unknown>, numRuns = 20) =>
  Effect.promise(() => fc.assert(property, { numRuns, seed: 4 }))
