/**
 * Questions that are asked in the same turn of the event loop, answered by one call.
 * Whoever asks is a plain program of its own, and knows nothing of the others.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"

interface Asked<Q, A, E> {
  readonly question: Q
  readonly answer: Deferred.Deferred<A, E>
}

/**
 * `answer` gives one answer per question, in order; where it fails, all of them fail so. It never runs twice at once: what is asked
 * meanwhile is answered together next. When the scope closes, whoever still waits is interrupted.
 */
export const make = <Q, A, E>(
  scope: Scope.Scope,
  answer: (questions: ReadonlyArray<Q>) => Effect.Effect<ReadonlyArray<Exit.Exit<A, E>>, E>
): ((question: Q) => Effect.Effect<A, E>) => {
  const waiting = new Set<Asked<Q, A, E>>()
  let isAtWork = false
  const work = Effect.gen(function* () {
    while (waiting.size > 0) {
      yield* nextTurn
      const asked = [...waiting]
      const answers = yield* Effect.exit(answer(asked.map(({ question }) => question)))
      asked.forEach((one, i) => {
        waiting.delete(one)
        Deferred.doneUnsafe(one.answer, answerOf(answers, i))
      })
    }
    // In one step with the look at who waits: whoever asks next begins anew.
    isAtWork = false
  })
  const ended = (exit: Exit.Exit<void>): void => {
    if (Exit.isSuccess(exit)) return
    isAtWork = false
    for (const one of waiting) Deferred.doneUnsafe(one.answer, Exit.interrupt())
    waiting.clear()
  }
  return Effect.fnUntraced(function* (question: Q) {
    const asked = { question, answer: Deferred.makeUnsafe<A, E>() }
    waiting.add(asked)
    if (!isAtWork) {
      isAtWork = true
      // Told even where the scope was closed before, and the work never began.
      const fiber = yield* Effect.forkIn(work, scope)
      fiber.addObserver(ended)
    }
    return yield* Deferred.await(asked.answer).pipe(
      Effect.onInterrupt(() => Effect.sync(() => waiting.delete(asked)))
    )
  })
}

/** Behind all that is ready to run now. */
const nextTurn = Effect.callback<void>((resume) => {
  const turn = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(turn))
})

const answerOf = <A, E>(
  answers: Exit.Exit<ReadonlyArray<Exit.Exit<A, E>>, E>,
  i: number
): Exit.Exit<A, E> =>
  Exit.isFailure(answers)
    ? Exit.failCause(answers.cause)
    : (answers.value[i] ?? Exit.die(`question ${i} was given no answer`))
