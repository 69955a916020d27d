/**
 * The texts by which transitions are found, and their vectors from an embedder that may be slow, refuse, or answer wrongly.
 * It keeps no vectors.
 */
import { Embedder, History, ReplayBuffer, type Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"

type Failed = ReplayBuffer.ReplayBufferError

/** The text that stands for what the agent had seen when it acted. */
export type StateText = (task: Task.Task, history: History.History) => string

/** One text per transition of `trajectory`. */
export const textsOf = (
  state: StateText,
  { firstObservation, task, transitions }: Trajectory.Trajectory
): ReadonlyArray<string> => {
  let history = History.start(firstObservation)
  return transitions.map(({ action, nextObservation }) => {
    const text = Embedder.textOf({ state: state(task, history), action: action.text })
    history = History.append(history, action.text, nextObservation)
    return text
  })
}

/** The vectors of a list of texts, or the embedder's refusal of it. */
export type Answer = ReadonlyArray<Float32Array> | Embedder.EmbedderError

/**
 * One list of vectors per list of texts, or the refusal of the embedder for that list alone. Fails as `Embedding` where no answer
 * came, or vectors of another number or dimension, or numbers that are not finite.
 */
export const embed = Effect.fnUntraced(function* (
  embedder: Embedder.Embedder,
  lists: ReadonlyArray<ReadonlyArray<string>>
): Effect.fn.Return<ReadonlyArray<Answer>, Failed> {
  const answer = yield* answerOf(embedder, lists.flat())
  if (!("reason" in answer)) return split(lists, answer)
  // One text that is refused must not take the others with it.
  return lists.length === 1
    ? [answer]
    : yield* Effect.forEach(lists, (list) => answerOf(embedder, list))
})

const split = (
  lists: ReadonlyArray<ReadonlyArray<string>>,
  vectors: ReadonlyArray<Float32Array>
): ReadonlyArray<ReadonlyArray<Float32Array>> => {
  let at = 0
  return lists.map(({ length }) => vectors.slice(at, (at += length)))
}

const answerOf = (
  embedder: Embedder.Embedder,
  texts: ReadonlyArray<string>
): Effect.Effect<Answer, Failed> =>
  texts.length === 0
    ? Effect.succeed([])
    : embedder.embed(texts).pipe(
        Effect.matchEffect({
          onSuccess: (vectors) => checked(embedder, texts.length, vectors),
          onFailure: (error) =>
            error.reason === "Refused" ? Effect.succeed(error) : Effect.fail(failureOf(error))
        })
      )

const checked = (
  { dimension, name }: Embedder.Embedder,
  count: number,
  vectors: ReadonlyArray<Float32Array>
): Effect.Effect<ReadonlyArray<Float32Array>, Failed> => {
  if (vectors.length !== count) {
    return Effect.fail(wrong(`${name} answered ${vectors.length} vectors to ${count} texts`))
  }
  const other = vectors.find(({ length }) => length !== dimension)
  if (other !== undefined) {
    return Effect.fail(
      wrong(
        `${name} says that its vectors have ${dimension} numbers, and gave one of ${other.length}`
      )
    )
  }
  return vectors.every((vector) => vector.every(Number.isFinite))
    ? Effect.succeed(vectors)
    : Effect.fail(wrong(`${name} gave a vector with a number that is not finite`))
}

/** What an embedder that refused or gave no answer means to whoever asked. */
export const failureOf = (error: Embedder.EmbedderError): Failed =>
  new ReplayBuffer.ReplayBufferError({
    reason: "Embedding",
    message: `${error.embedder} gave no vector: ${error.message}`,
    cause: error
  })

const wrong = (what: string): Failed =>
  new ReplayBuffer.ReplayBufferError({
    reason: "Embedding",
    message: `${what}; correct the embedder, or open the buffer with another`
  })
