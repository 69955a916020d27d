/**
 * AgentGym's HTTP routes, below `/agentgym`: sessions by number, failures as `{ error }` with status 200, as its clients expect.
 * It plays words only: the other `world_type`s are taken and played the same, as the original does.
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Schema from "effect/Schema"
import * as AgentGymGames from "./AgentGymGames.ts"
import * as Request from "./Request.ts"
import type { Session } from "./Session.ts"
import type { Open, SessionTable } from "./SessionTable.ts"
import * as Wire from "./Wire.ts"

/** `longest`: bytes of a body. */
export interface Options {
  readonly table: SessionTable
  readonly longest: number
}

const worldTypes = ["Text", "Embody", "Hybrid"] as const

/** What AgentGym tells of a session; the optional fields are there after a reset. */
export const Detail = Schema.Struct({
  world_type: Schema.optionalKey(Schema.Literals(worldTypes)),
  game: Schema.optionalKey(Schema.Int),
  observation: Schema.optionalKey(Schema.Unknown),
  available_actions: Schema.optionalKey(Schema.Unknown),
  done: Schema.Boolean,
  reward: Schema.NullOr(Schema.Finite),
  deleted: Schema.Boolean
})
type Detail = typeof Detail.Type

/** A session that was not reset yet. */
const untouched: Detail = { done: false, reward: 0, deleted: false }

/** Gone with the session, whoever closed it. */
type Details = WeakMap<Session, Detail>

export const Reset = Schema.Struct({
  id: Schema.Int,
  game: Schema.Int,
  world_type: Schema.optionalKey(Schema.Literals(worldTypes))
})
export const Step = Schema.Struct({ id: Schema.Int, action: Schema.String })
export const Close = Schema.Struct({ id: Schema.Int })
const Query = Schema.Struct({ id: Schema.String.check(Schema.isPattern(/^\d{1,15}$/)) })

const decodeReset = Wire.decode(Reset, false)
const decodeStep = Wire.decode(Step, false)
const decodeClose = Wire.decode(Close, false)
const decodeQuery = Wire.decode(Query, false)

export const routes = ({ longest, table }: Options) => {
  const details: Details = new WeakMap()
  const body = Request.body(longest)
  return [
    HttpRouter.route("GET", "/agentgym", Request.json("This is an environment of dreamgym.")),
    HttpRouter.route("POST", "/agentgym/create", told(Effect.map(table.open, (id) => ({ id })))),
    HttpRouter.route("POST", "/agentgym/reset", told(reset(body, table, details))),
    HttpRouter.route("POST", "/agentgym/step", told(step(body, table, details))),
    HttpRouter.route("POST", "/agentgym/close", told(close(body, table))),
    seen("available_actions", details, table),
    seen("observation", details, table),
    HttpRouter.route(
      "GET",
      "/agentgym/detail",
      told(asked(table, ({ session }) => Effect.succeed(details.get(session) ?? untouched)))
    )
  ] as const
}

type Body = ReturnType<typeof Request.body>

const reset = (body: Body, table: SessionTable, details: Details) =>
  Effect.gen(function* () {
    const wanted = yield* Request.valid(decodeReset(yield* body, ["body"]))
    const { game, id, world_type: type = "Text" } = wanted
    return yield* table.use(id, ({ session, world }) =>
      Effect.gen(function* () {
        const { observation } = yield* session.reset(yield* AgentGymGames.taskOf(world, game))
        const { task_id: task } = yield* session.state
        const text = withoutBanner(observation["text"])
        const available = commandsOf(observation)
        const shown = { observation: text, available_actions: available }
        details.set(session, { ...untouched, world_type: type, game, ...shown })
        return { id, ...shown, task_type: AgentGymGames.typeOf(task ?? "") }
      })
    )
  })

const step = (body: Body, table: SessionTable, details: Details) =>
  Effect.gen(function* () {
    const { action, id } = yield* Request.valid(decodeStep(yield* body, ["body"]))
    return yield* table.use(id, ({ session }) =>
      Effect.gen(function* () {
        const answer = yield* session.step({ _tag: "Step", action: { text: action } })
        const { done, observation, reward } = answer
        const text = observation["text"]
        const shown = {
          observation: text,
          reward,
          available_actions: commandsOf(observation),
          done
        }
        details.set(session, { ...(details.get(session) ?? untouched), ...shown })
        return shown
      })
    )
  })

const close = (body: Body, table: SessionTable) =>
  Effect.gen(function* () {
    const { id } = yield* Request.valid(decodeClose(yield* body, ["body"]))
    return { closed: yield* table.close(id) }
  })

/** A part of what was last seen in the session that `?id=` names. */
const seen = (part: "available_actions" | "observation", details: Details, table: SessionTable) =>
  HttpRouter.route(
    "GET",
    `/agentgym/${part}`,
    told(
      asked(table, ({ session }) =>
        Effect.succeed(details.get(session)?.[part] ?? { error: "no episode; reset first" })
      )
    )
  )

const asked = <A>(table: SessionTable, tell: (open: Open) => Effect.Effect<A>) =>
  Effect.gen(function* () {
    const { url } = yield* HttpServerRequest.HttpServerRequest
    const query = Object.fromEntries(new URLSearchParams(url.split("?")[1] ?? ""))
    const { id } = yield* Request.valid(decodeQuery(query, ["query"]))
    return yield* table.use(Number(id), tell)
  })

/** ALFWorld's first paragraph is a banner: it goes, and the others lie closer together. */
const withoutBanner = (text: unknown): unknown => {
  const [first = "", ...rest] = typeof text === "string" ? text.split("\n\n") : []
  return first.startsWith("-= ") && first.endsWith(" =-") ? rest.join("\n") : text
}

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
