/**
 * The transitions of a buffer by likeness: an index of their vectors, kept in step with what the buffer keeps.
 * A trajectory is embedded when something is first asked after it came, so a buffer that nobody asks pays nothing.
 *
 * T transitions of D numbers each: `vectors`[T x D].
 */
import type { Embedder, ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { Change, Entry, Kept, Space } from "../Kept.ts"
import * as KeptVectors from "./KeptVectors.ts"
import * as Sequence from "./Sequence.ts"
import * as Texts from "./Texts.ts"
import type * as VectorIndex from "./VectorIndex.ts"

type Failed = ReplayBuffer.ReplayBufferError

/**
 * `name` is that under which vectors are kept: whatever decides about the numbers, so the embedder and what `state` tells.
 * `keepsVectors`: whether those that the store has are read, and new ones left there. `files`: absent where no side-car is wanted.
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
  /** In the index, but not kept any more. */
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
    search: (queries) => search(state, queries),
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

const settle = Effect.fnUntraced(function* (state: State, kept: Kept) {
  const index = state.index ?? (yield* begin(state, kept))
  state.index = index
  forget(state, index)
  let rest = [...state.waiting.values()]
  while (rest.length > 0) {
    const entries = rest.slice(0, atOnce)
    const trajectories = yield* kept.read(entries)
    if (trajectories === undefined) {
      // One was evicted; what comes meanwhile waits for the next question.
      rest = rest.filter(({ seq }) => state.waiting.has(seq))
      continue
    }
    yield* embed(state, index, kept, entries, trajectories)
    rest = rest.slice(atOnce)
  }
})

const forget = (state: State, index: VectorIndex.VectorIndex): void => {
  if (state.gone.size > 0) state.isCopied = false
  for (const entry of state.gone.values()) index.remove(Sequence.all(entry))
  state.gone.clear()
}

const embed = Effect.fnUntraced(function* (
  state: State,
  index: VectorIndex.VectorIndex,
  kept: Kept,
  entries: ReadonlyArray<Entry>,
  trajectories: ReadonlyArray<Trajectory.Trajectory>
) {
  const { embedder, keepsVectors, state: stateText } = state.options
  const lists = trajectories.map((one) => Texts.textsOf(stateText, one))
  const answers = yield* Texts.embed(embedder, lists)
  const embedded: Array<Embedded> = []
  for (const [i, entry] of entries.entries()) {
    const [answer, trajectory] = [answers[i], trajectories[i]]
    if (answer === undefined || trajectory === undefined || !state.waiting.has(entry.seq)) continue
    if (!("reason" in answer)) embedded.push({ entry, trajectory, vectors: answer })
    else if (state.waiting.delete(entry.seq)) yield* skipped(entry, answer)
  }
  state.isCopied = false
  const { embedder: name } = state.space
  yield* Effect.mapError(index.add(name, embedded.flatMap(rowsOf)), KeptVectors.unusable)
  settled(
    state,
    embedded.map(({ entry }) => entry)
  )
  if (keepsVectors) yield* KeptVectors.write(kept, state.space, embedded)
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
  queries: ReadonlyArray<VectorIndex.Query>
) {
  const { index } = state
  if (index === undefined) return queries.map(() => [])
  forget(state, index)
  const lists = yield* index
    .search(state.space.embedder, queries)
    .pipe(Effect.mapError(KeptVectors.unusable))
  return lists.map((list) =>
    list.flatMap(({ sequence, similarity }) => {
      const [seq, at] = Sequence.parts(sequence)
      const entry = state.entries.get(seq)
      return entry === undefined ? [] : [{ entry, index: at, similarity }]
    })
  )
})

const close = (state: State, kept: Kept): Effect.Effect<void> => {
  const { index, options, space, waiting } = state
  if (index === undefined || state.isCopied || !options.keepsVectors) return Effect.void
  forget(state, index)
  const held = [...state.entries.values()].filter(({ seq }) => !waiting.has(seq))
  return KeptVectors.writeCopy({ kept, space, ...filesOf(options) }, index, held)
}
