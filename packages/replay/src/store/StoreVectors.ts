/**
 * The vectors of a store's trajectories, read page by page and written with the next commit.
 * It makes none and compares none.
 */
import { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Embedded, Space, Vectors } from "../Kept.ts"
import type { Held } from "./StoreHeld.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** Bytes of vectors that are read at once; while one page is used the next one is read. */
const pageSize = 1 << 22

/** Where a copy of the vectors may lie. */
export const sideCarName = (file: string): string => `${file}-vectors`

/** A store that is read only keeps no vectors, here or in a side-car: the process that writes keeps them. */
export const make = (held: Held): Vectors =>
  held.isReadOnly
    ? { read: (space, page) => read(held, space, page), write: () => Effect.void }
    : {
        sideCar: sideCarName(held.file),
        read: (space, page) => read(held, space, page),
        write: (space, some) => write(held, space, some)
      }

const read = Effect.fn("StoreVectors.read")(function* <E>(
  held: Held,
  { dimension, embedder }: Space,
  page: (some: ReadonlyArray<Embedded>) => Effect.Effect<void, E>
): Effect.fn.Return<void, E | Failed> {
  const after = (seq: number) =>
    held.thread.ask(
      { kind: "vectors", embedder, dimension, after: seq, bytes: pageSize },
      ({ seqs, vectors }) =>
        seqs.flatMap((one, i): Embedded | [] => {
          const found = vectors[i]
          return found === undefined ? [] : { seq: one, vectors: found }
        })
    )
  let some: ReadonlyArray<Embedded> = yield* after(0)
  for (let last = some.at(-1); last !== undefined; last = some.at(-1)) {
    const both = Effect.all([page(some), after(last.seq)], { concurrency: 2 })
    some = (yield* both)[1]
  }
})

const write = Effect.fn("StoreVectors.write")(function* (
  { file, kept, thread }: Held,
  { dimension, embedder }: Space,
  some: ReadonlyArray<Embedded>
): Effect.fn.Return<void, Failed> {
  for (const { seq, vectors } of some) {
    const entry = kept.get(seq)
    const steps = entry === undefined ? 0 : entry.realSteps + entry.syntheticSteps
    if (entry === undefined || vectors.length === steps * dimension) continue
    return yield* new ReplayBuffer.ReplayBufferError({
      reason: "Embedding",
      file,
      message:
        `${file}: the vectors of trajectory ${entry.id} by ${embedder} should be ${steps} x ${dimension} numbers, ` +
        `they are ${vectors.length}; see that the embedder's dimension is what it says`
    })
  }
  const seqs = some.map(({ seq }) => seq)
  const vectors = some.map((one) => one.vectors)
  if (seqs.length === 0) return
  yield* thread.ask({ kind: "embed", embedder, dimension, seqs, vectors }, () => undefined)
}, Effect.uninterruptible)
