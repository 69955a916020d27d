/**
 * The transitions of a buffer by likeness: an index of their vectors, in memory or in a store that searches, kept in step with what
 * the buffer keeps.
 * A trajectory is embedded when something is first asked after it came, so a buffer that nobody asks pays nothing.
 *
 * T transitions of D numbers each: `vectors`[T x D].
 */
import type { Embedder, ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { Change, Entry, Kept, Near, Space } from "../Kept.ts"
import * as KeptVectors from "./KeptVectors.ts"
import * as Sequence from "./Sequence.ts"
import * as StoredIndex from "./StoredIndex.ts"
import * as Texts from "./Texts.ts"
import type * as VectorIndex from "./VectorIndex.ts"

type Failed = ReplayBuffer.ReplayBufferError

/**
 * `name` is that under which vectors are kept: whatever decides about the numbers, so the embedder and what `state` tells.
 * `keepsVectors`: whether those that the store has are read, and new ones left there, and whether the store searches where it can.
 * `files`: absent where no side-car is wanted.
 */
export interface Options {
  readonly embedder: Embedder.Embedder
  readonly state: Texts.StateText
  readonly name: string
  readonly keepsVectors: boolean
  readonly files?: FileSystem.FileSystem
}

/** Transition `index` of the entry's trajectory. */
export interface Found {
  readonly entry: Entry
  readonly index: number
  readonly similarity: number
}

/**
 * `apply` follows the changes of what is kept. `settle` brings the index up to date with them; `search` answers one list per query
 * from what is kept now. `close` leaves a side-car for the next start. One call at a time, except for `apply`.
 */
export interface TransitionIndex {
  readonly apply: (change: Change) => void
  readonly settle: (kept: Kept) => Effect.Effect<void, Failed>
  readonly search: (
    kept: Kept,
    queries: ReadonlyArray<VectorIndex.Query>
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Found>>, Failed>
  readonly close: (kept: Kept) => Effect.Effect<void>
}

interface State {
  readonly options: Options
  readonly space: Space
  /** All that may be found, by `seq`. */
  readonly entries: Map<number, Entry>
  /** Those of them that are not in the index. */
  readonly waiting: Map<number, Entry>
  /** In the index, but not kept any more. A store that searches knows that by itself. */
  readonly gone: Map<number, Entry>
  index: VectorIndex.VectorIndex | undefined
  /** Whether the side-car holds what the index does. */
  isCopied: boolean
}

export const make = (options: Options): TransitionIndex => {
  const state: State = {
    options,
    space: { embedder: options.name, dimension: options.embedder.dimension },
    entries: new Map(),
    waiting: new Map(),
    gone: new Map(),
    index: undefined,
    isCopied: false
  }
  return {
    apply: (change) => apply(state, change),
    settle: (kept) => settle(state, kept),
    search: (kept, queries) => search(state, kept, queries),
    close: (kept) => close(state, kept)
  }
}

/** What went and came back under its number is what it was. */
const apply = ({ entries, gone, waiting }: State, { evicted, inserted }: Change): void => {
  if (inserted !== undefined && !inserted.isRejected) {
    entries.set(inserted.seq, inserted)
    if (!gone.delete(inserted.seq)) waiting.set(inserted.seq, inserted)
  }
  for (const { seq } of evicted) {
    const entry = entries.get(seq)
    if (entry === undefined) continue
    entries.delete(seq)
    if (!waiting.delete(seq)) gone.set(seq, entry)
  }
}

/** Trajectories that are embedded at once. */
const atOnce = 256

const settle = Effect.fnUntraced(function* (
  state: State,
  kept: Kept
): Effect.fn.Return<void, Failed> {
  const stored = storedOf(state, kept)
  if (stored !== undefined) {
    state.gone.clear()
    yield* StoredIndex.learn(stored)
    return yield* embedWaiting(state, kept, (some) =>
      StoredIndex.keep(
        stored,
        some.map(({ entry, vectors }) => ({
          seq: entry.seq,
          vectors: KeptVectors.joined(vectors, state.space.dimension)
        }))
      )
    )
  }
  const index = state.index ?? (yield* begin(state, kept))
  state.index = index
  forget(state, index)
  yield* embedWaiting(state, kept, (some) => keep(state, index, kept, some))
})

const storedOf = (state: State, kept: Kept): StoredIndex.StoredIndex | undefined =>
  state.options.keepsVectors ? StoredIndex.of(kept, state.space, state) : undefined

/** Where made vectors go; they wait no longer after. */
type Keep = (some: ReadonlyArray<Embedded>) => Effect.Effect<void, Failed>

const embedWaiting = Effect.fnUntraced(function* (state: State, kept: Kept, take: Keep) {
  let rest = [...state.waiting.values()]
  while (rest.length > 0) {
    const entries = rest.slice(0, atOnce)
    const trajectories = yield* kept.read(entries)
    if (trajectories === undefined) {
      // One was evicted; what comes meanwhile waits for the next question.
      rest = rest.filter(({ seq }) => state.waiting.has(seq))
      continue
    }
    yield* take(yield* embed(state, entries, trajectories))
    rest = rest.slice(atOnce)
  }
})

const forget = (state: State, index: VectorIndex.VectorIndex): void => {
  if (state.gone.size > 0) state.isCopied = false
  for (const entry of state.gone.values()) index.remove(Sequence.all(entry))
  state.gone.clear()
}

/** Those that still wait, with their vectors; where the embedder refuses a text, its trajectory waits no longer. */
const embed = Effect.fnUntraced(function* (
  { options, waiting }: State,
  entries: ReadonlyArray<Entry>,
  trajectories: ReadonlyArray<Trajectory.Trajectory>
) {
  const lists = trajectories.map((one) => Texts.textsOf(options.state, one))
  const answers = yield* Texts.embed(options.embedder, lists)
  const embedded: Array<Embedded> = []
  for (const [i, entry] of entries.entries()) {
    const [answer, trajectory] = [answers[i], trajectories[i]]
    if (answer === undefined || trajectory === undefined || !waiting.has(entry.seq)) continue
    if (!("reason" in answer)) embedded.push({ entry, trajectory, vectors: answer })
    else if (waiting.delete(entry.seq)) yield* skipped(entry, answer)
  }
  return embedded
})

const keep = Effect.fnUntraced(function* (
  state: State,
  index: VectorIndex.VectorIndex,
  kept: Kept,
  some: ReadonlyArray<Embedded>
) {
  const { options, space } = state
  state.isCopied = false
  yield* Effect.mapError(index.add(space.embedder, some.flatMap(rowsOf)), KeptVectors.unusable)
  settled(
    state,
    some.map(({ entry }) => entry)
  )
  if (options.keepsVectors) yield* KeptVectors.write(kept, space, some)
})

/** `entries` are in the index; what was evicted meanwhile is to be taken out of it. */
const settled = ({ gone, waiting }: State, entries: ReadonlyArray<Entry>): void => {
  for (const entry of entries) if (!waiting.delete(entry.seq)) gone.set(entry.seq, entry)
}

interface Embedded {
  readonly entry: Entry
  readonly trajectory: Trajectory.Trajectory
  readonly vectors: ReadonlyArray<Float32Array>
}

const rowsOf = ({ entry, trajectory, vectors }: Embedded): ReadonlyArray<VectorIndex.Entry> =>
  Sequence.all(entry).flatMap((sequence, i) => {
    const [transition, vector] = [trajectory.transitions[i], vectors[i]]
    if (transition === undefined || vector === undefined) return []
    return [Sequence.row(entry, sequence, transition.provenance._tag === "Real", vector)]
  })

const skipped = ({ id }: Entry, { embedder, message }: Embedder.EmbedderError) =>
  Effect.logWarning(
    `trajectory ${id} will not be found by likeness: ${embedder} refuses its texts (${message})`
  )

/** The index of what vectors are kept already; whatever else waits is embedded. */
const begin = (state: State, kept: Kept): Effect.Effect<VectorIndex.VectorIndex, Failed> => {
  const { entries, options, space } = state
  if (!options.keepsVectors) return KeptVectors.empty(space)
  return Effect.map(
    KeptVectors.load({ kept, space, ...filesOf(options) }, entries),
    ({ index, isCopied, loaded }) => {
      settled(state, loaded)
      state.isCopied = isCopied
      return index
    }
  )
}

const filesOf = ({ files }: Options) => (files === undefined ? {} : { files })

const search = Effect.fnUntraced(function* (
  state: State,
  kept: Kept,
  queries: ReadonlyArray<VectorIndex.Query>
): Effect.fn.Return<ReadonlyArray<ReadonlyArray<Found>>, Failed> {
  const stored = storedOf(state, kept)
  const lists = yield* stored === undefined
    ? searchMemory(state, queries)
    : searchStore(state, kept, stored, queries)
  return lists.map((list) =>
    list.flatMap(({ seq, ...near }) => {
      const entry = state.entries.get(seq)
      return entry === undefined ? [] : [{ entry, ...near }]
    })
  )
})

const searchMemory = Effect.fnUntraced(function* (
  state: State,
  queries: ReadonlyArray<VectorIndex.Query>
) {
  const { index, space } = state
  if (index === undefined) return queries.map((): ReadonlyArray<Near> => [])
  forget(state, index)
  const lists = yield* Effect.mapError(index.search(space.embedder, queries), KeptVectors.unusable)
  return lists.map((list) =>
    list.map(({ sequence, similarity }): Near => {
      const [seq, at] = Sequence.parts(sequence)
      return { seq, index: at, similarity }
    })
  )
})

const searchStore = Effect.fnUntraced(function* (
  state: State,
  kept: Kept,
  stored: StoredIndex.StoredIndex,
  queries: ReadonlyArray<VectorIndex.Query>
): Effect.fn.Return<ReadonlyArray<ReadonlyArray<Near>>, Failed> {
  for (;;) {
    const lists = yield* StoredIndex.search(stored, queries)
    if (lists !== undefined) return lists
    if (kept.refresh !== undefined) yield* kept.refresh
    yield* settle(state, kept)
  }
})

const close = (state: State, kept: Kept): Effect.Effect<void> => {
  const { index, options, space, waiting } = state
  if (index === undefined || state.isCopied || !options.keepsVectors) return Effect.void
  forget(state, index)
  const held = [...state.entries.values()].filter(({ seq }) => !waiting.has(seq))
  return KeptVectors.writeCopy({ kept, space, ...filesOf(options) }, index, held)
}
