/**
 * Our own models as embedders: a text is what the network makes of it before it says a word.
 * It reads the parameters once, when it is made: what a learner writes later moves no vector. Whoever wants the newer
 * ones makes another, whose name is another.
 *
 * B rows, T places, D hidden size.
 */
import { Embedder } from "@dreamgym/domain"
import { Op, Parameters, Session, type Shape, Value } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { createHash } from "node:crypto"
import { floats } from "../Rows.ts"
import * as Batches from "./Batches.ts"
import type { Reader, Sizes } from "./Reader.ts"
import * as Vectors from "./Vectors.ts"

/** How the hidden states of a text's places become one: their mean, or the last one. */
export type Pooling = "mean" | "last"

/** The network and how it is asked. */
export interface Options {
  readonly reader: Reader
  /** Default "mean". */
  readonly pooling?: Pooling
  /** Whether vectors have length 1; default true. */
  readonly normalizes?: boolean
  /**
   * Of a longer text the last so many tokens are read, since the action is the last line of a transition's text. Default:
   * 256, or as many as the network can read.
   */
  readonly maxTokens?: number
  /** Whether nobody writes the parameters any more, so that they need not be copied; default false. */
  readonly ownsParameters?: boolean
  /** How many parts of a question run side by side, each in a thread of the pool from `firstWorker` on; default 1. */
  readonly shards?: number
  readonly firstWorker?: number
}

/**
 * An embedder whose name says the model, the hash of all that decides about its numbers, the pooling and the most tokens. A
 * text without a token is zeros. Sessions go with the scope.
 * Fails as `Refused` where the parameters are not those of the network, or `maxTokens` or `shards` is no count.
 */
export const make = Effect.fn("HiddenState.make")(function* (
  options: Options
): Effect.fn.Return<Embedder.Embedder, Embedder.EmbedderError, Session.SessionPool | Scope.Scope> {
  const { pooling = "mean", normalizes = true, reader } = options
  const { maxTokens = Math.min(256, reader.maxTokens) } = options
  const problem = problemOf({ ...options, maxTokens })
  if (problem !== undefined) return yield* refused(reader.model, problem)
  const parameters = yield* frozen(options)
  const shape = normalizes ? `${pooling}-unit` : pooling
  const identity = fingerprint(reader, parameters)
  const name = `hidden-state-${reader.model}-${identity}-${shape}-${maxTokens}`
  const sessions = yield* sessionsOf(options, parameters, name)
  const engine: Engine = { ...options, name, pooling, normalizes, maxTokens, sessions }
  return { name, dimension: reader.dimension, embed: (texts) => embed(engine, texts) }
})

const problemOf = ({ maxTokens, reader, shards = 1 }: Options & { readonly maxTokens: number }) => {
  if (!(Number.isSafeInteger(maxTokens) && maxTokens > 0 && maxTokens <= reader.maxTokens))
    return `maxTokens is ${maxTokens}; give a whole number from 1 to ${reader.maxTokens}`
  return Number.isSafeInteger(shards) && shards > 0
    ? undefined
    : `shards is ${shards}; give a whole number above 0`
}

interface Engine extends Options {
  readonly name: string
  readonly pooling: Pooling
  readonly normalizes: boolean
  readonly maxTokens: number
  readonly sessions: Sessions
}

type Sessions = (
  sizes: Sizes,
  shard: number
) => Effect.Effect<Session.Session<"pooled">, Session.SessionError>

const embed = Effect.fn("HiddenState.embed")(function* (
  engine: Engine,
  texts: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyArray<Float32Array>, Embedder.EmbedderError> {
  const { maxTokens, name, reader, shards = 1 } = engine
  const ids = yield* Effect.try({
    try: () => texts.map((text) => reader.encode(text).slice(-maxTokens)),
    catch: (cause) => refused(name, `a text has no tokens: ${String(cause)}`, cause)
  })
  const vectors = texts.map(() => new Float32Array(reader.dimension))
  const batches = Batches.of(ids.map(({ length }) => length))
  const work = Array.from({ length: shards }, (_, shard) =>
    Effect.forEach(
      batches.filter((_, at) => at % shards === shard),
      (batch) => read(engine, ids, batch, shard, vectors),
      { discard: true }
    )
  )
  yield* Effect.all(work, { concurrency: "unbounded", discard: true })
  return vectors
})

/** Reads one batch and puts its vectors where they belong. */
const read = Effect.fnUntraced(function* (
  engine: Engine,
  ids: ReadonlyArray<ReadonlyArray<number>>,
  batch: Batches.Batch,
  shard: number,
  vectors: Array<Float32Array>
): Effect.fn.Return<void, Embedder.EmbedderError> {
  const { name, normalizes, pooling, reader } = engine
  const { dimension } = reader
  const rows = batch.places.map((place) => ids[place] ?? [])
  const feeds = { ...reader.feeds(rows, batch), share: sharesOf(rows, batch, pooling) }
  const { pooled } = yield* engine.sessions(batch, shard).pipe(
    Effect.flatMap((session) => session.run(feeds)),
    Effect.mapError((cause) => failed(name, cause))
  )
  for (const [row, place] of batch.places.entries()) {
    const numbers = pooled.subarray(row * dimension, (row + 1) * dimension)
    const remedy = "the network gives no numbers; look at its parameters"
    const expected = { embedder: name, dimension, normalizes, remedy }
    vectors[place] = yield* Effect.fromResult(Vectors.of(numbers, expected))
  }
})

/** How much each place counts, [B, T]: padding and empty rows not at all. */
const sharesOf = (
  rows: ReadonlyArray<ReadonlyArray<number>>,
  sizes: Sizes,
  pooling: Pooling
): Float32Array => {
  const shares = floats(sizes.rows * sizes.length)
  for (const [row, { length }] of rows.entries()) {
    const at = row * sizes.length
    if (pooling === "last") shares[at + length - 1] = 1
    else shares.fill(1 / length, at, at + length)
  }
  return shares
}

/** One session for each shape and shard, kept until the embedder goes. */
const sessionsOf = Effect.fnUntraced(function* (
  { firstWorker = 0, reader }: Options,
  { arrays: bind, shapes }: Bound,
  name: string
): Effect.fn.Return<Sessions, never, Session.SessionPool | Scope.Scope> {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const turn = yield* Semaphore.make(1)
  const made = new Map<string, Session.Session<"pooled">>()
  const weights = inputsOf(shapes)
  const compile = Effect.fnUntraced(function* (key: string, sizes: Sizes, worker: number) {
    const known = made.get(key)
    if (known !== undefined) return known
    const pooled = pooledOf(reader.hidden(weights, sizes), sizes)
    // Many shapes, few of them in use: kept memory would add up, and saves no time (bench `language`).
    const session = yield* pool
      .compile({ pooled }, { name: `${name} (${key})`, worker, bind, keepsMemory: false })
      .pipe(Effect.provideService(Scope.Scope, scope))
    made.set(key, session)
    return session
  })
  return (sizes, shard) => {
    const worker = pool.workers === 0 ? 0 : (firstWorker + shard) % pool.workers
    const key = `${sizes.rows} x ${sizes.length} @ ${worker}`
    const known = made.get(key)
    return known === undefined
      ? turn.withPermits(1)(compile(key, sizes, worker))
      : Effect.succeed(known)
  }
})

/** One state for each row: the sum of its places by their shares, [B, D]. */
const pooledOf = (hiddenBTD: Value.Value, { length, rows }: Sizes): Value.Value => {
  const shareB1T = Op.reshape(Op.input("share", [rows, length]), [rows, 1, length])
  return Op.reshape(Op.matMul(shareB1T, hiddenBTD), [rows, -1])
}

type Bound = Pick<Parameters.Parameters, "arrays" | "shapes">

const inputsOf = (shapes: Bound["shapes"]) =>
  Parameters.inputs(Record.map(shapes, (shape: Shape.Shape) => ({ shape })))

/** The parameters that a hidden state needs, as they are now, in memory that nobody else writes. */
const frozen = ({ ownsParameters = false, reader }: Options) =>
  Effect.try({
    try: (): Bound => {
      const { arrays, shapes } = reader.parameters
      const graph = reader.hidden(inputsOf(shapes), { rows: 1, length: 1 })
      const names = Value.inputsOf([graph]).map(({ attributes }) => attributes.name)
      const isNeeded = (_: unknown, name: string) => names.includes(name)
      const needed = Record.filter(shapes, isNeeded)
      const present = Record.filter(arrays, isNeeded)
      if (ownsParameters) return { arrays: present, shapes: needed }
      const own = Parameters.zeros(needed)
      for (const [name, array] of Object.entries(present)) own.arrays[name]?.set(array)
      return own
    },
    catch: (cause) =>
      refused(reader.model, `the parameters are not those of the network: ${String(cause)}`, cause)
  })

/** 16 hexadecimal digits of the SHA-256 of a network's shape, words and numbers. */
const fingerprint = (reader: Reader, { arrays, shapes }: Bound): string => {
  const hash = createHash("sha256").update(reader.identity())
  for (const [name, array] of Object.entries(arrays)) {
    hash.update(`\n${name} [${shapes[name]?.join()}]\n`)
    hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  }
  return hash.digest("hex").slice(0, 16)
}

const refused = (embedder: string, problem: string, cause?: unknown) =>
  new Embedder.EmbedderError({
    reason: "Refused",
    embedder,
    message: `${embedder}: ${problem}`,
    ...(cause === undefined ? {} : { cause })
  })

/** Ids that the table has not are another network's tokenizer; everything else may go away. */
const failed = (embedder: string, cause: Session.SessionError) =>
  new Embedder.EmbedderError({
    reason: cause.reason === "UnknownId" ? "Refused" : "Unavailable",
    embedder,
    message: `${embedder}: the engine failed: ${cause.message}`,
    cause
  })
