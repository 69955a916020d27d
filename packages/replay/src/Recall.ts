/**
 * The memory for likeness: finds the transitions whose state and action are most like those asked about.
 * It decides nothing about what is kept; what is asked in one turn of the event loop is answered by one search.
 */
import { Embedder, ReplayBuffer, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Change, Kept } from "./Kept.ts"
import * as Texts from "./retrieval/Texts.ts"
import * as Together from "./retrieval/Together.ts"
import * as TransitionIndex from "./retrieval/TransitionIndex.ts"
import type * as VectorIndex from "./retrieval/VectorIndex.ts"

export type { StateText } from "./retrieval/Texts.ts"
export type { Options } from "./retrieval/TransitionIndex.ts"

type Failed = ReplayBuffer.ReplayBufferError
type Query = ReplayBuffer.SimilarQuery
type Answer = ReadonlyArray<ReplayBuffer.Demonstration>

/** `apply` follows the changes of what is kept; `over` answers from it, until its scope closes. */
export interface Recall {
  readonly apply: (change: Change) => void
  readonly over: (
    kept: Kept
  ) => Effect.Effect<(query: Query) => Effect.Effect<Answer, Failed>, never, Scope.Scope>
}

export const make = (options: TransitionIndex.Options): Recall => {
  const index = TransitionIndex.make(options)
  return {
    apply: index.apply,
    over: Effect.fnUntraced(function* (kept: Kept) {
      const scope = yield* Effect.scope
      yield* Effect.addFinalizer(() => index.close(kept))
      const ask = Together.make(scope, (queries: ReadonlyArray<Query>) =>
        answer(options.embedder, index, kept, queries)
      )
      return (query) => Effect.andThen(refuse(query), ask(query))
    })
  }
}

const refuse = ({ k }: Query): Effect.Effect<void, Failed> =>
  Number.isInteger(k) && k >= 0
    ? Effect.void
    : Effect.fail(
        new ReplayBuffer.ReplayBufferError({
          reason: "BadRequest",
          message: `k is ${k}; what is found is a whole number of transitions, 0 or more`
        })
      )

/** One answer per query; only what the embedder refuses fails for itself. */
const answer = Effect.fn("ReplayBuffer.answer")(function* (
  embedder: Embedder.Embedder,
  index: TransitionIndex.TransitionIndex,
  kept: Kept,
  queries: ReadonlyArray<Query>
): Effect.fn.Return<ReadonlyArray<Exit.Exit<Answer, Failed>>, Failed> {
  if (kept.refresh !== undefined) yield* kept.refresh
  yield* index.settle(kept)
  const vectors = yield* Texts.embed(
    embedder,
    queries.map((query) => [Embedder.textOf(query)])
  )
  const asked = queries.flatMap((query, i) => askedOf(query, vectors[i]))
  const found = yield* searched(index, kept, asked)
  let at = 0
  return vectors.map((one) =>
    "reason" in one ? Exit.fail(Texts.failureOf(one)) : Exit.succeed(found[at++] ?? [])
  )
})

const askedOf = (
  { action: _, state: __, ...filter }: Query,
  answered: Texts.Answer | undefined
): ReadonlyArray<VectorIndex.Query> =>
  answered === undefined || "reason" in answered
    ? []
    : answered.slice(0, 1).map((vector) => ({ ...filter, vector }))

const searched = Effect.fnUntraced(function* (
  index: TransitionIndex.TransitionIndex,
  kept: Kept,
  queries: ReadonlyArray<VectorIndex.Query>
): Effect.fn.Return<ReadonlyArray<Answer>, Failed> {
  for (;;) {
    const lists = yield* index.search(kept, queries)
    const entries = new Map(lists.flat().map(({ entry }) => [entry.seq, entry]))
    const trajectories = yield* kept.read([...entries.values()])
    // What was evicted meanwhile is not found again.
    if (trajectories === undefined) continue
    const bySeq = new Map([...entries.keys()].map((seq, i) => [seq, trajectories[i]]))
    return lists.map((list) =>
      list.flatMap((found) => demonstrationsOf(found, bySeq.get(found.entry.seq)))
    )
  }
})

const demonstrationsOf = (
  { index, similarity }: TransitionIndex.Found,
  trajectory: Trajectory.Trajectory | undefined
): Answer => {
  const transition = trajectory?.transitions[index]
  if (trajectory === undefined || transition === undefined) return []
  return [{ id: `${trajectory.id}#${index}`, task: trajectory.task, transition, similarity }]
}
