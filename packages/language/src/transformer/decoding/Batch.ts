/**
 * The texts that one thread decodes together: they join and leave between runs, as requests come and
 * are answered. One fibre does all of it; callers only wait for their own answer.
 * It does not know which requests make a conversation.
 */
import type { Session } from "@dreamgym/graph"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { Cache } from "./Cache.ts"
import { DecodingError } from "./DecodingError.ts"
import * as Row from "./Row.ts"
import * as Run from "./Run.ts"
import * as Sessions from "./Sessions.ts"
import * as Slots from "./Slots.ts"

/** How many texts there are, how long, and how often they may change. */
export interface Options extends Sessions.Options {
  /** Texts in the cache, those that wait for their next turn among them. */
  readonly slots: number
  /** Tokens per run: more of them, and texts join later and leave later. */
  readonly chunk: number
}

/** Brings a row's ids up to date; tells how many of them it leaves if the request fails. */
export type Edit = (row: Row.Row) => number

/** Where requests go. */
export interface Batch {
  /** Edits the row's ids, and says what follows them. */
  readonly say: (
    row: Row.Row,
    edit: Edit,
    request: Row.Request
  ) => Effect.Effect<Row.Generated, DecodingError>
  /** A text; its slot goes with the scope. */
  readonly open: Effect.Effect<Row.Row, never, Scope.Scope>
  /** The number of open texts. */
  readonly load: () => number
}

interface State extends Run.Site {
  readonly options: Options
  readonly waiting: Array<Row.Job>
  readonly active: Set<Row.Job>
  readonly hasWork: Latch.Latch
  open: number
  clock: number
  isClosed: boolean
}

/** Begins to serve; ends with the scope, and what is not answered then fails. */
export const make = Effect.fn("Batch.make")(function* (
  options: Options
): Effect.fn.Return<Batch, never, Session.SessionPool | Scope.Scope> {
  const active = new Set<Row.Job>()
  const waiting: Array<Row.Job> = []
  const state: State = {
    options,
    active,
    waiting,
    vocabularySize: options.config.vocabularySize,
    capacity: options.capacity,
    chunk: options.chunk,
    sessions: yield* Sessions.make(options),
    cache: new Cache(options.config),
    slots: Array.from({ length: options.slots }, () => undefined),
    hasWork: yield* Latch.make(false),
    settle: (job, outcome) => settle(state, job, outcome),
    open: 0,
    clock: 0,
    isClosed: false
  }
  yield* Effect.addFinalizer(() => Effect.sync(() => close(state)))
  yield* Effect.forkScoped(Effect.forever(unbroken(state)))
  return {
    say: (row, edit, request) => say(state, row, edit, request),
    open: Effect.acquireRelease(
      Effect.sync(() => open(state)),
      (row) => Effect.sync(() => release(state, row))
    ),
    load: () => state.open
  }
})

const open = (state: State): Row.Row => {
  state.open++
  return Row.make()
}

const release = (state: State, row: Row.Row): void => {
  state.open--
  Slots.forget(state.slots, row)
}

const say = (state: State, row: Row.Row, edit: Edit, request: Row.Request) =>
  Effect.suspend(() => {
    const start = edit(row)
    const { capacity, config } = state.options
    const problem =
      Row.problemOf(config, capacity, row.ids, request) ?? (state.isClosed ? closed() : undefined)
    if (problem !== undefined) {
      Row.truncate(row, start)
      return Effect.fail(problem)
    }
    const job = Row.ask(row, request, start, Deferred.makeUnsafe())
    row.job = job
    // The critic's estimate needs the network even where nothing is left to choose.
    const forced = config.hasValue ? undefined : Row.pushForced(job, capacity)
    if (forced === undefined) {
      state.waiting.push(job)
      state.hasWork.openUnsafe()
    } else settle(state, job, Row.generated(job, forced))
    return Effect.onInterrupt(Deferred.await(job.done), () =>
      Effect.sync(() => settle(state, job, closed()))
    )
  })

/** Answers a request, once. One that failed leaves its text as it was before. */
const settle = (state: State, job: Row.Job, outcome: Row.Generated | DecodingError): void => {
  const { done, row, start } = job
  if (row.job !== job) return
  row.job = undefined
  row.used = ++state.clock
  state.active.delete(job)
  const place = state.waiting.indexOf(job)
  if (place >= 0) state.waiting.splice(place, 1)
  if (outcome instanceof DecodingError) {
    Row.truncate(row, start)
    Deferred.doneUnsafe(done, Effect.fail(outcome))
  } else Deferred.doneUnsafe(done, Effect.succeed(outcome))
}

const closed = () =>
  new DecodingError({ reason: "EngineFailed", message: "the decoding ended before the answer" })

const close = (state: State): void => {
  state.isClosed = true
  for (const job of [...state.active, ...state.waiting]) settle(state, job, closed())
}

/** Nobody would be answered any more if a fault ended the fibre: it fails those in hand instead. */
const unbroken = (state: State) =>
  Effect.catchDefect(turn(state), (cause) =>
    Effect.sync(() => {
      const error = Run.broken(cause)
      for (const job of [...state.active, ...state.waiting]) settle(state, job, error)
    })
  )

/** Lets texts join, reads a piece of what is new, says a few tokens. Sleeps where nothing is asked. */
const turn = Effect.fnUntraced(function* (state: State): Effect.fn.Return<void> {
  if (state.active.size + state.waiting.length === 0) {
    state.hasWork.closeUnsafe()
    yield* state.hasWork.await
    // Whoever else is about to ask comes first.
    yield* Effect.yieldNow
  }
  yield* renewed(state)
  if (!(yield* state.sessions.isStale)) admit(state)
  const unread = jobsOf(state, (left) => left > 1)
  const isRead = state.active.size - unread.length
  yield* guarded(state, unread, unread.length === 0 ? Effect.void : read(state, unread, isRead))
  const ready = jobsOf(state, (left) => left === 1)
  yield* guarded(state, ready, ready.length === 0 ? Effect.void : Run.say(state, ready))
})

/** The texts that are read keep to the front, where `Run.say` wants them. */
const read = (state: State, unread: ReadonlyArray<Row.Job>, from: number) => {
  const ready = jobsOf(state, (left) => left === 1).map(({ row }) => row)
  Slots.gather(state.slots, state.cache, ready, 0)
  return Run.read(state, unread, from)
}

const jobsOf = ({ active }: State, isWanted: (left: number) => boolean) =>
  [...active].filter(({ row }) => isWanted(Row.pending(row)))

/**
 * New parameters are taken when no text is on its way, so that each answer is of one version. What was
 * cached belongs to the old ones.
 */
const renewed = Effect.fnUntraced(function* (state: State) {
  if (state.active.size > 0 || !(yield* state.sessions.isStale)) return
  yield* state.sessions.renew
  state.cache.reset()
  for (const row of state.slots) if (row !== undefined) row.cached = 0
})

/** Places that are not kept once nobody needs them: attention looks at all of them. */
const long = 512

const admit = (state: State): void => {
  const isEmpty = state.slots.every((row) => row === undefined)
  if (isEmpty && state.cache.places > long) state.cache.reset()
  const isBusy = ({ job }: Row.Row) => job !== undefined && state.active.has(job)
  for (let job = state.waiting[0]; job !== undefined; job = state.waiting[0]) {
    if (!Slots.occupy(state.slots, job.row, isBusy)) return
    const { row } = job
    state.cache.reserve((row.slot ?? 0) + 1, 0)
    row.cached = Math.min(row.cached, row.ids.length - 1)
    state.waiting.shift()
    state.active.add(job)
  }
}

/** Where the engine fails, so do the requests that needed it; others go on. */
const guarded = (
  state: State,
  jobs: ReadonlyArray<Row.Job>,
  work: Effect.Effect<void, Session.SessionError>
) =>
  Effect.catchTag(work, "SessionError", (cause) =>
    Effect.sync(() => {
      const error = new DecodingError({
        reason: "EngineFailed",
        message: `the engine failed: ${cause.message}`,
        cause
      })
      for (const job of jobs) settle(state, job, error)
    })
  )
