/**
 * AgentGym's HTTP routes, below `/agentgym`: sessions by number, failures as `{ error }` with status 200, as its clients expect.
 * It drops no paragraph of an observation: whose texts they are, the world says.
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Schema from "effect/Schema"
import * as Request from "./Request.ts"
import type { Open, SessionTable } from "./SessionTable.ts"
import * as Wire from "./Wire.ts"

export interface Options {
  readonly table: SessionTable
  readonly longest: number
}

/** What AgentGym remembers of a session besides the episode. */
type Last = Map<number, Wire.Shown>

const Reset = Schema.Struct({
  id: Schema.Int,
  game: Schema.Int,
  world_type: Schema.optionalKey(Schema.String)
})
const Step = Schema.Struct({ id: Schema.Int, action: Schema.String })
const Close = Schema.Struct({ id: Schema.Int })

const decodeReset = Wire.decode(Reset, false)
const decodeStep = Wire.decode(Step, false)
const decodeClose = Wire.decode(Close, false)

export const routes = ({ longest, table }: Options) => {
  const last: Last = new Map()
  const body = Request.body(longest)
  const play = player(table, last)
  return [
    HttpRouter.route("GET", "/agentgym", Request.json("This is an environment of dreamgym.")),
    HttpRouter.route("POST", "/agentgym/create", told(Effect.map(table.open, (id) => ({ id })))),
    HttpRouter.route("POST", "/agentgym/reset", told(reset(body, play))),
    HttpRouter.route("POST", "/agentgym/step", told(step(body, play))),
    HttpRouter.route("POST", "/agentgym/close", told(close(body, table, last))),
    seen("available_actions", last, table, ({ observation }) => commandsOf(observation)),
    seen("observation", last, table, ({ observation }) => observation["text"]),
    seen("detail", last, table, (shown) => shown)
  ] as const
}

type Body = ReturnType<typeof Request.body>
type Player = ReturnType<typeof player>

const player =
  (table: SessionTable, last: Last) =>
  <E>(id: number, act: (open: Open) => Effect.Effect<Wire.Shown, E>) =>
    Effect.tap(table.use(id, act), (shown) => Effect.sync(() => last.set(id, shown)))

const reset = (body: Body, play: Player) =>
  Effect.gen(function* () {
    const { game, id } = yield* Request.valid(decodeReset(yield* body, ["body"]))
    const { observation } = yield* play(id, ({ session }) => session.reset({ seed: game }))
    return {
      id,
      observation: observation["text"],
      available_actions: commandsOf(observation),
      task_type: observation["instruction"]
    }
  })

const step = (body: Body, play: Player) =>
  Effect.gen(function* () {
    const { action, id } = yield* Request.valid(decodeStep(yield* body, ["body"]))
    const wanted: Wire.Wanted = { _tag: "Step", action: { text: action } }
    const { done, observation, reward } = yield* play(id, ({ session }) => session.step(wanted))
    const available = commandsOf(observation)
    return { observation: observation["text"], reward, done, available_actions: available }
  })

const close = (body: Body, table: SessionTable, last: Last) =>
  Effect.gen(function* () {
    const { id } = yield* Request.valid(decodeClose(yield* body, ["body"]))
    const closed = table.has(id)
    last.delete(id)
    yield* table.close(id)
    return { closed }
  })

const seen = (
  name: string,
  last: Last,
  table: SessionTable,
  tell: (shown: Wire.Shown) => unknown
) =>
  HttpRouter.route(
    "GET",
    `/agentgym/${name}`,
    told(
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const id = Number(new URLSearchParams(request.url.split("?")[1] ?? "").get("id") ?? "")
        const shown = yield* table.use(id, () => Effect.sync(() => last.get(id)))
        return shown === undefined
          ? { error: `session ${id} has no episode; reset first` }
          : tell(shown)
      })
    )
  )

const commandsOf = (observation: Wire.Shown["observation"]): unknown =>
  observation["admissible_commands"] ?? []

/** Wrong requests are 422 as with FastAPI; whatever else fails is told with 200. */
const told = <A, E extends { readonly message: string }, R>(
  work: Effect.Effect<A, E | Request.Refused, R>
) =>
  work.pipe(
    Effect.map((value) => Request.json(value)),
    Effect.catch((failure) =>
      failure instanceof Request.Refused
        ? Effect.succeed(Request.json({ detail: failure.detail }, failure.status))
        : Effect.succeed(Request.json({ error: failure.message }))
    )
  )
