/**
 * A server's model as an embedder: OpenAI's, or any that answers `/v1/embeddings` as it does (vLLM, llama.cpp, Ollama, TEI).
 * It trusts no answer: the count, the order, the dimension and every number are checked.
 */
import { Embedder } from "@dreamgym/domain"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Server from "./Server.ts"
import * as Vectors from "./Vectors.ts"

/** The server and how it is asked. */
export interface Options {
  /** As `https://api.openai.com/v1`; `/embeddings` is added. */
  readonly baseUrl: string
  readonly model: string
  readonly apiKey?: Redacted.Redacted
  /** The length of a vector. Default: found out by asking for one when the embedder is made. */
  readonly dimension?: number
  /** Whether the server is told `dimension`, where a model can give shorter vectors; default false. */
  readonly asksForDimension?: boolean
  /** Whether vectors have length 1; default true. */
  readonly normalizes?: boolean
  /** Of a longer text the last so many UTF-16 units are sent, since the action is the last line of a transition's text. */
  readonly maxCharacters?: number
  /** Default: the address, the model and all of the above that decides about the numbers. */
  readonly name?: string
  /** The most texts of one request; default 64. */
  readonly batchSize?: number
  /** The most requests at a time, of all callers; default 4. */
  readonly concurrency?: number
  /** For a request and its whole answer; default 60 seconds. */
  readonly timeout?: Duration.Input
  /** How often a request is sent again after 429 or 5xx, and after nothing else; default 5. */
  readonly retries?: number
  /** The wait before the first of these, doubled each time; default half a second. */
  readonly firstWait?: Duration.Input
  /** The longest wait, ours or the one that the server asks for (`Retry-After`); default a minute. */
  readonly longestWait?: Duration.Input
}

/**
 * An embedder. An empty text is zeros and is not sent, since servers refuse it.
 * Fails as `Refused` where an option is none; without `dimension` it fails as `embed` does.
 */
export const make = Effect.fn("OpenAi.make")(function* (
  options: Options
): Effect.fn.Return<Embedder.Embedder, Embedder.EmbedderError, HttpClient.HttpClient> {
  const problem = problemOf(options)
  if (problem !== undefined) return yield* refused(`openai-${options.model}`, problem)
  const server = yield* serverOf(options)
  const unnamed = { ...options, server, name: nameOf(options, server.url) }
  const { dimension = yield* dimensionOf(unnamed) } = options
  const asked = { ...unnamed, dimension, name: nameOf(options, server.url, dimension) }
  return { name: asked.name, dimension, embed: (texts) => embed(asked, texts) }
})

interface Asked extends Options {
  readonly server: Server.Server
  readonly name: string
}

const embed = Effect.fn("OpenAi.embed")(function* (
  asked: Asked & { readonly dimension: number },
  texts: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyArray<Float32Array>, Embedder.EmbedderError> {
  const { batchSize = 64, dimension, maxCharacters = Infinity, name, normalizes = true } = asked
  const remedy = "the server answers another model; look at `model` and `dimension`"
  const expected = { embedder: name, dimension, normalizes, remedy }
  const vectors: Array<Float32Array> = texts.map(() => new Float32Array(dimension))
  const places = [...texts.keys()].filter((place) => texts[place] !== "")
  const batches = Array.from({ length: Math.ceil(places.length / batchSize) }, (_, batch) =>
    places.slice(batch * batchSize, (batch + 1) * batchSize)
  )
  const sent = (place: number) => texts[place]?.slice(-maxCharacters).toWellFormed() ?? ""
  yield* Effect.forEach(
    batches,
    Effect.fnUntraced(function* (batch) {
      const lists = yield* request(asked, batch.map(sent))
      for (const [at, place] of batch.entries())
        vectors[place] = yield* Effect.fromResult(Vectors.of(lists[at] ?? [], expected))
    }),
    { concurrency: asked.concurrency ?? 4, discard: true }
  )
  return vectors
})

/** The lists of numbers of some texts, in their order. */
const request = Effect.fnUntraced(function* (
  { asksForDimension = false, dimension, model, name, server }: Asked,
  input: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyArray<ReadonlyArray<number>>, Embedder.EmbedderError> {
  const dimensions = asksForDimension ? { dimensions: dimension } : {}
  const answer = yield* Server.ask(server, {
    model,
    input,
    encoding_format: "float",
    ...dimensions
  }).pipe(Effect.mapError(({ message, reason }) => failed(name, reason, message)))
  const { data } = yield* Schema.decodeUnknownEffect(Answer)(answer).pipe(
    Effect.mapError(({ message }) =>
      refused(name, `the answer is no list of embeddings: ${message.replaceAll(/\s+/g, " ")}`)
    )
  )
  const byIndex = new Map(data.map(({ embedding, index }) => [index, embedding]))
  const lists = input.flatMap((_, index) => {
    const list = byIndex.get(index)
    return list === undefined ? [] : [list]
  })
  if (data.length === input.length && lists.length === input.length) return lists
  const indices = data.map(({ index }) => index).join(", ")
  return yield* refused(
    name,
    `expected one embedding for each index from 0 to ${input.length - 1}, found ${indices || "none"}`
  )
})

const Answer = Schema.Struct({
  data: Schema.Array(Schema.Struct({ index: Schema.Int, embedding: Schema.Array(Schema.Number) }))
})

const dimensionOf = (asked: Asked) =>
  Effect.flatMap(request(asked, ["dimension"]), ([list = []]) =>
    list.length > 0
      ? Effect.succeed(list.length)
      : Effect.fail(refused(asked.name, "the server gives vectors of no numbers"))
  )

const serverOf = Effect.fnUntraced(function* (options: Options) {
  const { apiKey, concurrency = 4, firstWait = 500, longestWait = 60_000 } = options
  const url = new URL(options.baseUrl)
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/embeddings`
  const server: Server.Server = {
    client: HttpClient.withScope(yield* HttpClient.HttpClient),
    url,
    turns: yield* Semaphore.make(concurrency),
    timeout: Duration.fromInputUnsafe(options.timeout ?? 60_000),
    retries: options.retries ?? 5,
    firstWait: Duration.fromInputUnsafe(firstWait),
    longestWait: Duration.fromInputUnsafe(longestWait),
    longestAnswer: 2 ** 28,
    ...(apiKey === undefined ? {} : { apiKey })
  }
  return server
})

/** What decides about the numbers; an address may hold secrets behind its path. */
const nameOf = (options: Options, url: URL, dimension = options.dimension): string => {
  const { maxCharacters, model, name, normalizes = true } = options
  if (name !== undefined) return name
  const place = `${url.host}${url.pathname.replace(/\/embeddings$/, "")}`
  const unit = normalizes ? "-unit" : ""
  const cut = maxCharacters === undefined ? "" : `-last-${maxCharacters}`
  return `openai-${place}-${model}-${dimension ?? "unknown"}${unit}${cut}`
}

const counts = ["dimension", "maxCharacters", "batchSize", "concurrency"] as const

/** Why options are none, in words without the key. */
const problemOf = (options: Options): string | undefined => {
  const { apiKey, asksForDimension = false, baseUrl, dimension, retries = 0 } = options
  const words = { address: "baseUrl", key: "apiKey", remedy: "give the key as apiKey" }
  const problem = Server.problemOf(words, baseUrl, apiKey)
  if (problem !== undefined) return problem
  const wrong = counts.find((name) => !isCount(options[name] ?? 1))
  if (wrong !== undefined) return `${wrong} is ${options[wrong]}; give a whole number above 0`
  if (!isCount(retries + 1)) return `retries is ${retries}; give a whole number from 0 on`
  return asksForDimension && dimension === undefined
    ? "asksForDimension needs a dimension; give one"
    : undefined
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0

const failed = (embedder: string, reason: Embedder.EmbedderError["reason"], said: string) =>
  new Embedder.EmbedderError({ reason, embedder, message: `${embedder}: ${said}` })

const refused = (embedder: string, said: string) => failed(embedder, "Refused", said)
