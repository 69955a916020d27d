/**
 * Batched generation by a transformer: requests of any number of callers share runs and a cache, and
 * each gets its exact tokens and log-probabilities.
 * It works on token ids; texts are `TransformerModel`'s business.
 */
import type { Parameters, Session, Shape } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Config } from "../Config.ts"
import * as Network from "../Network.ts"
import * as Batch from "./Batch.ts"
import * as Conversation from "./Conversation.ts"
import { DecodingError } from "./DecodingError.ts"
import * as Recall from "./Recall.ts"
import type * as Row from "./Row.ts"

export { DecodingError }
export type { Generated, Request } from "./Row.ts"
export type { Conversation } from "./Conversation.ts"

/** What decodes, and how much of it at once. */
export interface Options {
  readonly config: Config
  readonly parameters: Parameters.Parameters
  /** Tells when the parameters have changed; default: never. Answers are each of one version. */
  readonly version?: Effect.Effect<number>
  /** The longest text in tokens; default `maxPositions`, at most 2048. */
  readonly capacity?: number
  /** Texts that one thread decodes at once; default 64. Others wait, in the order in which they came. */
  readonly slots?: number
  /** Tokens per run where no mask changes between them; default 8. */
  readonly chunk?: number
  /** Requests that may be in hand; further callers wait to be let in. Default 1024. */
  readonly waiting?: number
  /** Threads of the pool that decode, each with its own cache and models; default 1. */
  readonly workers?: number
  /** The first of these threads; default 0. */
  readonly firstWorker?: number
}

/** A decoder at work. */
export interface Decoding {
  readonly config: Config
  /** The longest text, in tokens. */
  readonly capacity: number
  /** Says what follows a prompt. */
  readonly generate: (
    request: Row.Request & { readonly prompt: ReadonlyArray<number> }
  ) => Effect.Effect<Row.Generated, DecodingError>
  /** A text that keeps its place in the cache from turn to turn, until the scope ends. */
  readonly conversation: Effect.Effect<Conversation.Conversation, never, Scope.Scope>
  /** The same for callers that send whole histories: keeps so many texts, until the scope ends. */
  readonly recall: (texts: number) => Effect.Effect<Recall.Recall, never, Scope.Scope>
}

/** Begins to serve; fails where the parameters or the sizes cannot be honoured. */
export const make = Effect.fn("Decoding.make")(function* (
  options: Options
): Effect.fn.Return<Decoding, DecodingError, Session.SessionPool | Scope.Scope> {
  const { config, parameters } = options
  const all = { ...sizesOf(config), ...options }
  const problem = problemOfSizes(config, all) ?? problemOfWeights(config, parameters)
  if (problem !== undefined) return yield* problem
  const gate = yield* Semaphore.make(all.waiting)
  const batches = yield* Effect.forEach(Array.from({ length: all.workers }).keys(), (at) =>
    Batch.make({ ...all, worker: all.firstWorker + at })
  )
  const gated = batches.map((batch): Batch.Batch => ({
    ...batch,
    say: (row, edit, request) => gate.withPermits(1)(batch.say(row, edit, request))
  }))
  const conversation = Effect.suspend(() => Conversation.make(leastBusy(gated)))
  return {
    config,
    capacity: all.capacity,
    conversation,
    recall: (texts) => Recall.make(conversation, texts),
    generate: (request) =>
      Effect.scoped(
        Effect.flatMap(conversation, ({ generate }) =>
          generate({ ...request, append: request.prompt })
        )
      )
  }
})

const sizesOf = (config: Config) => ({
  version: Effect.succeed(0),
  capacity: Math.min(config.maxPositions, 2048),
  slots: 64,
  chunk: 8,
  waiting: 1024,
  workers: 1,
  firstWorker: 0
})

const leastBusy = (batches: ReadonlyArray<Batch.Batch>): Batch.Batch =>
  batches.reduce((least, batch) => (batch.load() < least.load() ? batch : least))

const problemOfSizes = (config: Config, sizes: ReturnType<typeof sizesOf>) => {
  const field = (["capacity", "slots", "chunk", "waiting", "workers"] as const).find(
    (name) => !(Number.isSafeInteger(sizes[name]) && sizes[name] > 0)
  )
  if (field !== undefined) return badSize(`${field} is ${sizes[field]}, not a whole number above 0`)
  return sizes.capacity > config.maxPositions || sizes.capacity < 2
    ? badSize(
        `capacity is ${sizes.capacity} tokens, but must be from 2 to the ${config.maxPositions} ` +
          "positions of the network"
      )
    : undefined
}

const badSize = (message: string) => new DecodingError({ reason: "BadSize", message })

const problemOfWeights = (config: Config, { shapes }: Parameters.Parameters) => {
  const expected = Network.shapes(config)
  const textOf = (shape: Shape.Shape | undefined) =>
    shape === undefined ? "absent" : `[${shape.join(", ")}]`
  const wrong = Object.keys({ ...shapes, ...expected }).find(
    (name) => textOf(shapes[name]) !== textOf(expected[name])
  )
  return wrong === undefined
    ? undefined
    : new DecodingError({
        reason: "BadWeights",
        message:
          `parameter ${wrong} should be ${textOf(expected[wrong])} but is ${textOf(shapes[wrong])}: ` +
          "take the configuration that belongs to these parameters"
      })
}
