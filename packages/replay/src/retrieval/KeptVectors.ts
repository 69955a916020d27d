/**
 * An index from vectors that were made before: from the side-car where that one agrees, else from the store itself.
 * It embeds nothing; what is found in neither is the caller's to embed.
 *
 * A trajectory that is real in part is not taken: which of its transitions are real is known when it is read.
 */
import { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { Embedded, Entry, Kept, Space } from "../Kept.ts"
import * as Sequence from "./Sequence.ts"
import * as SideCar from "./SideCar.ts"
import * as VectorIndex from "./VectorIndex.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** Where vectors may lie; without `files` there is no side-car. */
export interface Place {
  readonly kept: Kept
  readonly space: Space
  readonly files?: FileSystem.FileSystem
}

/** `loaded` are wholly in `index`; `isCopied` says that the side-car holds just what `index` does. */
export interface Loaded {
  readonly index: VectorIndex.VectorIndex
  readonly loaded: ReadonlyArray<Entry>
  readonly isCopied: boolean
}

/** `entries` are those that may be found, by `seq`. */
export const load = Effect.fn("KeptVectors.load")(function* (
  place: Place,
  entries: ReadonlyMap<number, Entry>
): Effect.fn.Return<Loaded, Failed> {
  const wanted = new Map([...entries].filter(([, one]) => !isMixed(one)))
  const copy = yield* readCopy(place, entries, wanted)
  if (copy !== undefined) return { ...loadedOf(copy), isCopied: wanted.size === entries.size }
  const taken = yield* nothing(place.space, wanted)
  const { vectors } = place.kept
  if (vectors !== undefined) {
    yield* vectors.read(place.space, (page) => take(taken, page.flatMap(rowsOf(taken))))
  }
  return { ...loadedOf(taken), isCopied: false }
})

/** An index without vectors. */
export const empty = ({ dimension, embedder }: Space) =>
  Effect.mapError(VectorIndex.make({ dimension, embedder }), unusable)

/** What an index that refuses means to whoever asked. */
export const unusable = (error: VectorIndex.VectorIndexError): Failed =>
  new ReplayBuffer.ReplayBufferError({
    reason: "Embedding",
    message: error.message,
    cause: error
  })

/** Leaves the vectors in the store. Where that fails, they are made again next time, and the answer is as right. */
export const write = (
  { vectors }: Kept,
  space: Space,
  some: ReadonlyArray<{ readonly entry: Entry; readonly vectors: ReadonlyArray<Float32Array> }>
): Effect.Effect<void> =>
  vectors === undefined || some.length === 0
    ? Effect.void
    : vectors
        .write(
          space,
          some.map(({ entry, vectors: rows }) => ({
            seq: entry.seq,
            vectors: joined(rows, space.dimension)
          }))
        )
        .pipe(
          Effect.catch(({ message }) =>
            Effect.logWarning(`vectors of ${space.embedder} are not kept: ${message}`)
          )
        )

/** Writes the side-car; `entries` are those that are in `index`. */
export const writeCopy = (
  { files, kept, space }: Place,
  index: VectorIndex.VectorIndex,
  entries: ReadonlyArray<Entry>
): Effect.Effect<void> => {
  const path = kept.vectors?.sideCar
  if (files === undefined || path === undefined) return Effect.void
  const contents = { ...space, count: index.size(), greatest: Sequence.greatestOf(entries) }
  return SideCar.write(path, contents, index.rows()).pipe(
    Effect.provideService(FileSystem.FileSystem, files),
    Effect.catch(({ message }) => Effect.logWarning(message))
  )
}

const isMixed = ({ realSteps, syntheticSteps }: Entry): boolean =>
  realSteps > 0 && syntheticSteps > 0

/** What has been taken into `index` so far, as counts by `seq`. */
interface Taken {
  readonly index: VectorIndex.VectorIndex
  readonly wanted: ReadonlyMap<number, Entry>
  readonly counts: Map<number, number>
}

const nothing = (space: Space, wanted: Taken["wanted"]): Effect.Effect<Taken, Failed> =>
  Effect.map(empty(space), (index) => ({ index, wanted, counts: new Map<number, number>() }))

/** Undefined where there is none that agrees. */
const readCopy = Effect.fnUntraced(function* (
  { files, kept, space }: Place,
  entries: ReadonlyMap<number, Entry>,
  wanted: Taken["wanted"]
): Effect.fn.Return<Taken | undefined, Failed> {
  const path = kept.vectors?.sideCar
  if (files === undefined || path === undefined) return undefined
  const taken = yield* nothing(space, wanted)
  const expected = {
    ...space,
    count: [...entries.values()].reduce((sum, one) => sum + Sequence.lengthOf(one), 0),
    greatest: Sequence.greatestOf(entries.values())
  }
  return yield* SideCar.read(path, expected, (rows) => take(taken, rows)).pipe(
    Effect.provideService(FileSystem.FileSystem, files),
    Effect.as(taken),
    Effect.catchTag("SideCarError", (error) => Effect.as(told(error), undefined))
  )
})

/** A missing one is the usual case of a new buffer, a stale one that of a process that was killed. */
const told = ({ message, reason }: SideCar.SideCarError): Effect.Effect<void> =>
  reason === "Missing"
    ? Effect.void
    : reason === "Stale"
      ? Effect.logInfo(`${message} (the vectors are read from the store)`)
      : Effect.logWarning(`${message} (the vectors are read from the store)`)

const take = (
  { counts, index, wanted }: Taken,
  rows: ReadonlyArray<SideCar.Row>
): Effect.Effect<void, Failed> => {
  const own = rows.flatMap(({ sequence, vector }) => {
    const [seq, at] = Sequence.parts(sequence)
    const entry = wanted.get(seq)
    if (entry === undefined || at >= Sequence.lengthOf(entry)) return []
    counts.set(seq, (counts.get(seq) ?? 0) + 1)
    return [Sequence.row(entry, sequence, entry.isReal, vector)]
  })
  return Effect.mapError(index.add(index.embedder, own), unusable)
}

/** What is not whole is left out: its trajectory was of another length when the vectors were made, or some are missing. */
const loadedOf = ({ counts, index, wanted }: Taken): Omit<Loaded, "isCopied"> => {
  const found = [...counts].flatMap(([seq, count]) => {
    const entry = wanted.get(seq)
    return entry === undefined ? [] : [{ entry, isWhole: count === Sequence.lengthOf(entry) }]
  })
  for (const { entry, isWhole } of found) if (!isWhole) index.remove(Sequence.all(entry))
  return { index, loaded: found.flatMap(({ entry, isWhole }) => (isWhole ? entry : [])) }
}

const rowsOf =
  ({ index: { dimension }, wanted }: Taken) =>
  ({ seq, vectors }: Embedded): ReadonlyArray<SideCar.Row> => {
    const entry = wanted.get(seq)
    if (entry === undefined) return []
    return Sequence.all(entry).flatMap((sequence, i) => {
      const vector = vectors.subarray(i * dimension, (i + 1) * dimension)
      return vector.length === dimension ? [{ sequence, vector }] : []
    })
  }

/** One after the other. */
export const joined = (rows: ReadonlyArray<Float32Array>, dimension: number): Float32Array => {
  const vectors = new Float32Array(rows.length * dimension)
  rows.forEach((row, i) => vectors.set(row, i * dimension))
  return vectors
}
