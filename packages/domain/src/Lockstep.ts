/**
 * Batched inference for plain per-episode programs: each program calls as if alone; when every live program of the wave
 * waits, their calls run as batches, in the programs' order. So a batch depends on the episodes, never on timing.
 * Outside a wave a call is a batch of one.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"

/** A function over a batch, called one request at a time. */
export interface Batched<in Request, out Answer, out E> {
  readonly call: (request: Request) => Effect.Effect<Answer, E>
}

interface Wave {
  live: number
  waiting: number
  readonly flushes: Array<Effect.Effect<void>>
  readonly quiet: Queue.Queue<void>
}

interface Seat {
  readonly wave: Wave
  readonly place: number
}

interface Entry<Request, Answer, E> {
  readonly place: number
  readonly request: Request
  readonly answer: Deferred.Deferred<Answer, E>
}

const CurrentSeat = Context.Reference<Seat | undefined>("@dreamgym/domain/Lockstep/Seat", {
  defaultValue: () => undefined
})

/** `run` answers in the order of its requests, as many as were asked; fewer is a defect of `run`. */
export const batched = <Request, Answer, E>(
  run: (requests: ReadonlyArray<Request>) => Effect.Effect<ReadonlyArray<Answer>, E>
): Batched<Request, Answer, E> => {
  const queues = new WeakMap<Wave, Array<Entry<Request, Answer, E>>>()
  const alone = (request: Request) =>
    Effect.flatMap(run([request]), (answers) => answerAt(answers, 0))
  const call = Effect.fnUntraced(function* (request: Request): Effect.fn.Return<Answer, E> {
    const seat = yield* CurrentSeat
    if (seat === undefined) return yield* alone(request)
    const { place, wave } = seat
    const answer = yield* Deferred.make<Answer, E>()
    const entry = { place, request, answer }
    const queue = queues.get(wave)
    if (queue === undefined) {
      const entries = [entry]
      queues.set(wave, entries)
      wave.flushes.push(Effect.suspend(() => (queues.delete(wave), settle(run, entries))))
    } else queue.push(entry)
    wave.waiting++
    signalIfQuiet(wave)
    return yield* Deferred.await(answer).pipe(
      Effect.onInterrupt(() => withdraw(queues, wave, entry))
    )
  })
  return { call }
}

/** Runs the programs side by side as one wave; results in the programs' order. The first failure interrupts the rest. */
export const wave = Effect.fnUntraced(function* <A, E, R>(
  programs: ReadonlyArray<Effect.Effect<A, E, R>>
): Effect.fn.Return<Array<A>, E, R> {
  const quiet = yield* Queue.unbounded<void>()
  const wave: Wave = { live: programs.length, waiting: 0, flushes: [], quiet }
  const seated = programs.map((program, place) =>
    program.pipe(
      Effect.provideService(CurrentSeat, { wave, place }),
      Effect.ensuring(
        Effect.sync(() => {
          wave.live--
          signalIfQuiet(wave)
        })
      )
    )
  )
  const flushForever = Effect.forever(
    Effect.andThen(
      Queue.take(quiet),
      Effect.suspend(() => {
        const flushes = wave.flushes.splice(0)
        wave.waiting = 0
        return Effect.forEach(flushes, (flush) => flush, { discard: true })
      })
    )
  )
  return yield* Effect.raceFirst(Effect.all(seated, { concurrency: "unbounded" }), flushForever)
})

const signalIfQuiet = (wave: Wave): void => {
  if (wave.waiting > 0 && wave.waiting === wave.live) Queue.offerUnsafe(wave.quiet, undefined)
}

const settle = <Request, Answer, E>(
  run: (requests: ReadonlyArray<Request>) => Effect.Effect<ReadonlyArray<Answer>, E>,
  entries: ReadonlyArray<Entry<Request, Answer, E>>
): Effect.Effect<void> => {
  const ordered = entries.toSorted((a, b) => a.place - b.place)
  if (ordered.length === 0) return Effect.void
  return run(ordered.map((entry) => entry.request)).pipe(
    Effect.matchCauseEffect({
      onFailure: (cause) =>
        Effect.forEach(ordered, (entry) => Deferred.failCause(entry.answer, cause), {
          discard: true
        }),
      onSuccess: (answers) =>
        Effect.forEach(
          ordered,
          (entry, i) => Deferred.complete(entry.answer, answerAt(answers, i)),
          {
            discard: true
          }
        )
    })
  )
}

const answerAt = <Answer>(answers: ReadonlyArray<Answer>, i: number): Effect.Effect<Answer> =>
  Effect.suspend(() => {
    const answer = answers[i]
    return answer === undefined ? missing(i) : Effect.succeed(answer)
  })

const missing = (i: number) => Effect.die(new Error(`a batch answered nothing for request ${i}`))

const withdraw = <Request, Answer, E>(
  queues: WeakMap<Wave, Array<Entry<Request, Answer, E>>>,
  wave: Wave,
  entry: Entry<Request, Answer, E>
): Effect.Effect<void> =>
  Effect.sync(() => {
    const queue = queues.get(wave)
    const at = queue?.indexOf(entry) ?? -1
    if (at < 0) return
    queue?.splice(at, 1)
    wave.waiting--
  })
