/** Buffers in PostgreSQL for these tests: opened as often as wanted, and what each of them was told. */
import type { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Kept from "../../src/Kept.ts"
import * as Postgres from "../../src/postgres/Postgres.ts"
import { emptySchema, newSchema, sql } from "./server.ts"

/** What one has learnt of the changes that it was told. */
export interface Follower {
  readonly changed: (change: Kept.Change) => void
  /** Sequence numbers with priorities, oldest first. */
  readonly known: () => ReadonlyArray<readonly [number, number]>
}

export const follower = (): Follower => {
  const priorities = new Map<number, number>()
  return {
    changed: ({ evicted, inserted, prioritised = [] }) => {
      if (inserted !== undefined) priorities.set(inserted.seq, inserted.priority)
      for (const { priority, seq } of prioritised) priorities.set(seq, priority)
      for (const { seq } of evicted) priorities.delete(seq)
    },
    known: () => [...priorities].toSorted(([a], [b]) => a - b)
  }
}

/** A schema of its own until the scope closes; `isSpoilt`: nobody can use it after. */
export const place = (url: string, isSpoilt = false) =>
  Effect.map(isSpoilt ? Effect.sync(newSchema) : emptySchema(url), (schema) => ({
    schema,
    open: (
      options: Partial<Postgres.Options> = {},
      changed: Follower["changed"] = () => undefined
    ) => Postgres.open({ url: Redacted.make(url), schema, ...options }, changed),
    sql: (text: string) => sql(url, text.replaceAll("@", schema))
  }))

/** All that is kept, oldest first, as another would read it. */
export const all = (kept: Kept.Kept) =>
  Effect.map(kept.read(kept.entries()), (list): ReadonlyArray<Trajectory.Trajectory> => list ?? [])
