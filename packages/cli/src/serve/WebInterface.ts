/**
 * OpenEnv's web interface, the server's side: one session that all who use it share, and its state pushed to who watches.
 * The page to play by hand needs none of it: it has a session of its own over `/ws`.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Socket from "effect/socket/Socket"
import * as Request from "./Request.ts"
import type { Seats } from "./Seats.ts"
import type { Session } from "./Session.ts"
import type { NoSession, SessionTable } from "./SessionTable.ts"
import * as Upgrade from "./Upgrade.ts"
import * as Wire from "./Wire.ts"

/** `longest`: bytes of a body. `watchers`: who may look on at once. */
export interface Options {
  readonly table: SessionTable
  readonly watchers: Seats
  readonly longest: number
}

/** One action as the interface remembers it. */
export interface ActionLog {
  readonly timestamp: string
  readonly action: unknown
  readonly observation: unknown
  readonly reward: number | null
  readonly done: boolean
  readonly step_count: number
}

/** What is pushed to who watches. */
export interface EpisodeState {
  readonly episode_id: string | null
  readonly step_count: number
  readonly current_observation: unknown
  readonly action_logs: ReadonlyArray<ActionLog>
  readonly is_reset: boolean
}

const before: EpisodeState = {
  episode_id: null,
  step_count: 0,
  current_observation: null,
  action_logs: [],
  is_reset: true
}

/** So many actions are remembered; OpenEnv's own limit. */
const longestLog = 1000

interface Shared {
  readonly options: Options
  readonly states: PubSub.PubSub<EpisodeState>
  /** One at a time, so that what is pushed comes in the order in which it happened. */
  readonly turn: Semaphore.Semaphore
  id: number | undefined
  state: EpisodeState
}

/** The routes but the metadata's, over one session that the first reset opens; the table forgets it when it is idle. */
export const routes = Effect.fn("WebInterface.routes")(function* (options: Options) {
  // Only the newest state matters to somebody who reads slowly, and to somebody who comes late.
  const states = yield* PubSub.sliding<EpisodeState>({ capacity: 1, replay: 1 })
  yield* PubSub.publish(states, before)
  const turn = yield* Semaphore.make(1)
  const shared: Shared = { options, states, turn, id: undefined, state: before }
  const body = Request.body(options.longest)
  return [
    HttpRouter.route("POST", "/web/reset", answered(reset(shared, body))),
    HttpRouter.route("POST", "/web/step", answered(step(shared, body))),
    HttpRouter.route("GET", "/web/state", answered(stateOf(shared))),
    HttpRouter.route("GET", "/ws/ui", Upgrade.held(watch(shared)))
  ] as const
})

type Body = ReturnType<typeof Request.body>

const answered = <A, R>(work: Effect.Effect<A, Request.Refused, R>) =>
  Request.answered(Effect.map(work, (value) => Request.json(value)))

const reset = (shared: Shared, body: Body) =>
  Effect.gen(function* () {
    const wanted = yield* Request.valid(Wire.decodeReset(yield* body, ["body"]))
    return yield* shared.turn.withPermits(1)(
      Effect.gen(function* () {
        yield* open(shared)
        const act = (session: Session) => Effect.all([session.reset(wanted), session.state])
        const [shown, state] = yield* ofSession(shared, act)
        const { episode_id } = state
        const { observation: current_observation } = shown
        yield* push(shared, { ...before, episode_id, current_observation })
        return shown
      })
    )
  })

const Step = Schema.Union([
  Schema.Struct({ message: Schema.String }),
  Schema.Struct({ action: Schema.Record(Schema.String, Schema.Unknown) })
])
const decodeStep = Wire.decode(Step, false)

const step = (shared: Shared, body: Body) =>
  Effect.gen(function* () {
    const given = yield* Request.valid(decodeStep(yield* body, ["body"]))
    const action = "message" in given ? { text: given.message } : given.action
    const wanted = yield* Request.valid(Wire.decodeAction(action, ["body", "action"]))
    return yield* shared.turn.withPermits(1)(
      Effect.gen(function* () {
        const act = (session: Session) => Effect.all([session.step(wanted), session.state])
        const [shown, { episode_id, step_count }] = yield* ofSession(shared, act)
        const { done, observation, reward } = shown
        const timestamp = DateTime.formatIso(yield* DateTime.now)
        const log = { timestamp, action, observation, reward, done, step_count }
        const action_logs = [...shared.state.action_logs, log].slice(-longestLog)
        const seen = { current_observation: observation, action_logs, is_reset: false }
        yield* push(shared, { episode_id, step_count, ...seen })
        return shown
      })
    )
  })

/** 409 before the first reset. */
const stateOf = (shared: Shared) =>
  Effect.suspend(() => ofSession(shared, ({ state }) => state)).pipe(
    Effect.filterOrFail(
      ({ episode_id: started }) => started !== null,
      () => noEpisode
    )
  )

const push = (shared: Shared, state: EpisodeState) =>
  Effect.suspend(() => {
    shared.state = state
    return PubSub.publish(shared.states, state)
  })

/** The session, opened where there is none (any more). */
const open = (shared: Shared) =>
  Effect.gen(function* () {
    const { table } = shared.options
    if (shared.id !== undefined && table.has(shared.id)) return
    shared.id = yield* Effect.mapError(
      table.open,
      ({ message }) => new Request.Refused({ status: 503, detail: message })
    )
  })

type Wrong = { readonly message: string; readonly reason?: string }

/** Asks the shared session; 409 where there is no episode to be asked of. */
const ofSession = <A>(
  { id, options: { table } }: Shared,
  ask: (session: Session) => Effect.Effect<A, Exclude<Wrong, NoSession>>
) =>
  id === undefined || !table.has(id)
    ? Effect.fail(noEpisode)
    : table.use(id, ({ session }) => ask(session)).pipe(Effect.mapError(refusal))

const noEpisode = new Request.Refused({ status: 409, detail: "there is no episode; reset first" })

const refusal = ({ message, reason }: Wrong) =>
  new Request.Refused({ status: reason === "Closed" ? 409 : 500, detail: message })

/** Sends every state to a watcher, who need say nothing. */
const watch = ({ options, states }: Shared) =>
  Effect.fnUntraced(function* ({ drained, socket }: Upgrade.Line) {
    const { write } = yield* socket.writer
    const pull = yield* Socket.readerString(socket)
    const hangUp = (code: number, reason: string) =>
      Effect.ignore(write(new Socket.CloseEvent(code, reason)))
    const seat = yield* Effect.result(options.watchers.take(hangUp(1001, "the server is closing")))
    if (seat._tag === "Failure") return yield* hangUp(1013, "too many look on")
    const subscription = yield* PubSub.subscribe(states)
    const tell = PubSub.take(subscription).pipe(
      Effect.map((state) => JSON.stringify({ type: "state_update", episode_state: state })),
      Effect.flatMap(write),
      Effect.andThen(drained)
    )
    return yield* Effect.raceFirst(Effect.forever(tell), Effect.forever(pull))
  })
