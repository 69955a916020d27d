/**
 * Who plays the customer of tau-bench: a script, a person, or a served language model.
 * It plays no agent, and other worlds have no customers.
 */
import * as LanguageUser from "@dreamgym/environment/taubench/episode/LanguageUser"
import * as ScriptedUser from "@dreamgym/environment/taubench/episode/ScriptedUser"
import type * as UserSimulator from "@dreamgym/environment/taubench/episode/UserSimulator"
import { UserSimulatorError } from "@dreamgym/environment/taubench/episode/UserSimulator"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Option from "effect/Option"
import { UsageError } from "./Failure.ts"
import type { Seat } from "./Seat.ts"
import * as ServedChat from "./ServedChat.ts"

/** Who may play the customer. */
const kinds = ["scripted", "human", "model"] as const
export type Kind = (typeof kinds)[number]

/** The variable with the key of the customer's model. It is read where a model plays, and shown nowhere. */
export const keyVariable = "DREAMGYM_USER_KEY"

export const flags = {
  user: Flag.Literals("user", kinds).pipe(
    Flag.withDescription(
      "Who plays tau-bench's customer: a script (default), a person at this terminal, or a model"
    ),
    Flag.optional
  ),
  userStrategy: Flag.Literals("user-strategy", LanguageUser.strategies).pipe(
    Flag.withDescription("How a model plays the customer (default: llm)"),
    Flag.optional
  ),
  userUrl: Flag.String("user-url").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription(
      `The model's server, such as https://api.openai.com/v1; its key is read from ${keyVariable}`
    ),
    Flag.optional
  ),
  userModel: Flag.String("user-model").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("The model's name on that server"),
    Flag.optional
  )
}

/** What those flags give. */
export interface Given {
  readonly user: Option.Option<Kind>
  readonly userStrategy: Option.Option<LanguageUser.Strategy>
  readonly userUrl: Option.Option<string>
  readonly userModel: Option.Option<string>
}

/**
 * The customer that is asked for in a world; undefined where none is, and then the world has its own. A person needs a `seat`.
 */
export const of = Effect.fn("Customer.of")(function* (
  given: Given,
  environment: string,
  seat?: Seat
) {
  const kind = Option.getOrUndefined(given.user)
  const surplus = surplusOf(given, kind, environment)
  if (surplus !== undefined) {
    return yield* new UsageError({
      message: `${surplus}: nothing would read it ${kind === "model" || environment !== "tau-bench" ? `with the world ${environment}` : "without --user model"}; leave it out`
    })
  }
  if (kind === "human")
    return yield* seat === undefined ? Effect.fail(nobodySits) : Effect.succeed(person(seat))
  return kind === undefined ? undefined : yield* players[kind](given)
})

const surplusOf = (
  given: Given,
  kind: Kind | undefined,
  environment: string
): string | undefined => {
  if (kind !== undefined && environment !== "tau-bench") return "--user"
  if (kind === "model") return undefined
  if (Option.isSome(given.userStrategy)) return "--user-strategy"
  if (Option.isSome(given.userUrl)) return "--user-url"
  return Option.isSome(given.userModel) ? "--user-model" : undefined
}

const served = Effect.fnUntraced(function* ({ userModel, userStrategy, userUrl }: Given) {
  if (Option.isNone(userUrl) || Option.isNone(userModel)) {
    const flag = Option.isNone(userUrl) ? "--user-url" : "--user-model"
    return yield* new UsageError({
      message: `--user model: ${flag} is missing; give the server and the model, as --user-url http://localhost:8000/v1 --user-model NAME`
    })
  }
  const key = yield* Effect.option(Config.Redacted(keyVariable))
  const chat = yield* ServedChat.make({
    url: userUrl.value,
    model: userModel.value,
    ...(Option.isNone(key) ? {} : { key: key.value })
  }).pipe(Effect.provide(FetchHttpClient.layer))
  const strategy = Option.getOrElse(userStrategy, () => "llm" as const)
  return LanguageUser.make({ chat, strategy })
})

/** A person beside the agent, or the same one; leaving is the same for both. */
const person = (seat: Seat): UserSimulator.UserSimulator =>
  ScriptedUser.human(
    Effect.fnUntraced(function* (shown) {
      yield* seat.say(`To the customer: ${shown}`)
      const line = yield* Effect.mapError(
        seat.ask("customer> "),
        (cause) =>
          new UserSimulatorError({
            reason: "Unavailable",
            user: "human",
            message: `the customer's lines cannot be read (${cause.reason._tag})`,
            cause
          })
      )
      return line ?? (yield* seat.leave)
    })
  )

const players = {
  scripted: () => Effect.succeed(ScriptedUser.fromInstruction()),
  model: served
} as const satisfies Record<
  Exclude<Kind, "human">,
  (given: Given) => Effect.Effect<UserSimulator.UserSimulator, UsageError>
>

const nobodySits = new UsageError({
  message: "--user human: nobody sits at a served world; give scripted or model"
})
