/**
 * What an answer by likeness must be, whatever likeness is: all that is wanted, sorted, the real first of what is alike.
 * Which texts are how alike is the embedder's.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Buffer } from "./BufferUnderTest.ts"
import { holds, same } from "./Law.ts"
import { markOf } from "./ReplayBufferCast.ts"
import * as Model from "./ReplayBufferModel.ts"

type Found = ReadonlyArray<ReplayBuffer.Demonstration>

const more = 1000

/** Of the cast's trajectories, whose transitions have marks. */
export const findsAsTold = Effect.fnUntraced(function* (
  model: Model.Model,
  buffer: Buffer,
  query: ReplayBuffer.SimilarQuery
) {
  const all = yield* buffer.similar({ ...query, k: more })
  const wanted = Model.findable(model, query)
  yield* same("what is found", marksOf(all).toSorted(), marksOf(wanted).toSorted())
  yield* same("the whole of it", byMark(all), byMark(wanted))
  yield* same("the ids", new Set(all.map(({ id }) => id)).size, all.length)
  const first = yield* buffer.similar(query)
  yield* same(`the first ${query.k}`, marksOf(first), marksOf(all).slice(0, query.k))
  yield* areSorted(all)
  yield* areLikeThemselves(all, query)
  yield* areInOrder(all, wanted)
})

const marksOf = (list: ReadonlyArray<Pick<Model.Findable, "transition">>): ReadonlyArray<string> =>
  list.map(({ transition }) => markOf(transition))

const byMark = (list: ReadonlyArray<Pick<Model.Findable, "task" | "transition">>) =>
  list
    .map(({ task, transition }) => ({ task, transition }))
    .toSorted((a, b) => (markOf(a.transition) < markOf(b.transition) ? -1 : 1))

/** By cosines, which lie in [-1, 1]. */
export const areSorted = (found: Found): Effect.Effect<void, unknown> => {
  const likeness = found.map(({ similarity }) => similarity)
  const isSorted = likeness.every((cosine, i) => cosine <= (likeness[i - 1] ?? 1) && cosine >= -1)
  return holds(isSorted, `the cosines are out of order or of bounds: ${likeness.join(" ")}`)
}

const rounding = 1e-5

const areLikeThemselves = (found: Found, { action, state }: ReplayBuffer.SimilarQuery) =>
  Effect.forEach(found, ({ similarity, transition }) =>
    holds(
      transition.observation !== state ||
        transition.action.text !== action ||
        similarity > 1 - rounding,
      `"${state}" and "${action}" are not like themselves: ${similarity}`
    )
  )

/** What is alike to the letter is equally similar: then the real come first, then the older. */
const areInOrder = (found: Found, wanted: ReadonlyArray<Model.Findable>) => {
  const ages = new Map(wanted.map(({ age, transition }) => [markOf(transition), age]))
  const byPair = Map.groupBy(found, ({ transition: { action, observation } }) =>
    JSON.stringify([observation, action.text])
  )
  return Effect.forEach(byPair, ([pair, alike]) =>
    Effect.gen(function* () {
      const [first] = alike
      const isOne = alike.every(
        ({ similarity }) => Math.abs(similarity - (first?.similarity ?? 0)) < rounding
      )
      yield* holds(isOne, `${pair} is not always equally similar`)
      const order = alike.toSorted(
        (a, b) =>
          Number(isDream(a)) - Number(isDream(b)) ||
          (ages.get(markOf(a.transition)) ?? 0) - (ages.get(markOf(b.transition)) ?? 0)
      )
      yield* same(`of ${pair}, the real and the older first`, marksOf(alike), marksOf(order))
    })
  )
}

const isDream = ({ transition }: ReplayBuffer.Demonstration): boolean =>
  transition.provenance._tag === "Synthetic"
