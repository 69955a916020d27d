/**
 * The trainable decoder as a `LanguageModel`: batched, seeded generation with a key/value cache,
 * returning the exact tokens and their log-probabilities. It reads parameters that a learner may
 * change between calls; it never changes them.
 *
 * B rows, P prompt tokens, C cache places, H heads, V vocabulary.
 */
import { LanguageModel } from "@dreamgym/domain"
import { Parameters, Session, Value } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Decoder from "./Decoder.ts"
import * as Flight from "./Flight.ts"
import * as Generation from "./Generation.ts"
import {
  bucket,
  emptyFeeds,
  lending,
  placeRow,
  type Room,
  type LendingRoom,
  sparseFeatures
} from "./Rows.ts"

/**
 * `featureNames` in the order of `Knowledge.features`. `shards`: how many parts of a batch run side
 * by side, each in a worker of the pool from `firstWorker` on.
 */
export interface DecoderModelOptions {
  readonly name: string
  readonly network: Decoder.Network
  readonly parameters: Parameters.Parameters
  readonly featureNames: ReadonlyArray<string>
  readonly version: Effect.Effect<number>
  readonly shards?: number
  readonly firstWorker?: number
  readonly maxBatch?: number
}

interface Engine extends DecoderModelOptions {
  readonly session: (
    key: string,
    worker: number,
    outputs: () => Readonly<Record<string, Value.Value>>
  ) => Effect.Effect<Session.Session, Session.SessionError>
  readonly weights: Readonly<Record<string, Value.Value>>
  /** Memory of batches that are done, for those to come. */
  readonly rooms: Array<LendingRoom>
}

export const make = Effect.fn("DecoderModel.make")(function* (
  options: DecoderModelOptions
): Effect.fn.Return<LanguageModel.Model, never, Session.SessionPool | Scope.Scope> {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const session = sessionsOf(pool, scope, options)
  const engine: Engine = {
    ...options,
    session,
    weights: weightsOf(options.parameters),
    rooms: []
  }
  return {
    name: options.name,
    version: options.version,
    generate: (prompts) =>
      generate(engine, prompts).pipe(
        Effect.catchTag("SessionError", (cause) =>
          Effect.fail(
            new LanguageModel.LanguageModelError({
              reason: "Unavailable",
              model: options.name,
              message: `the engine failed: ${cause.message}`,
              cause
            })
          )
        )
      )
  }
})

/** One session per key and worker, kept until the model goes. */
const sessionsOf = (
  pool: Session.SessionPool["Service"],
  scope: Scope.Scope,
  { name, parameters }: DecoderModelOptions
): Engine["session"] => {
  const { arrays } = parameters
  const made = new Map<string, Session.Session>()
  const place = (worker: number) => (pool.workers === 0 ? 0 : worker % pool.workers)
  // Parameters live in shared memory: sessions read what a learner last wrote, and only those that
  // the graph has.
  const bound = (graph: Readonly<Record<string, Value.Value>>) => {
    const inputs = Value.inputsOf(Object.values(graph)).map((input) => input.attributes.name)
    return Object.fromEntries(
      inputs.flatMap((name) => {
        const array = arrays[name]
        return array === undefined ? [] : [[name, array] as const]
      })
    )
  }
  return (key, worker, outputs) =>
    Effect.suspend(() => {
      const found = made.get(`${key}@${worker}`)
      if (found !== undefined) return Effect.succeed(found)
      const graph = outputs()
      const at = {
        name: `the decoder of ${name} (${key})`,
        worker: place(worker),
        bind: bound(graph)
      }
      return pool.compile(graph, at).pipe(
        Effect.provideService(Scope.Scope, scope),
        Effect.tap((one) => Effect.sync(() => made.set(`${key}@${worker}`, one)))
      )
    })
}

/** A graph input for each parameter, under its name. */
export const weightsOf = (
  parameters: Parameters.Parameters
): Readonly<Record<string, Value.Value>> =>
  Parameters.inputs(
    Object.fromEntries(Object.entries(parameters.shapes).map(([name, shape]) => [name, { shape }]))
  )

const generate = Effect.fnUntraced(function* (
  engine: Engine,
  prompts: ReadonlyArray<LanguageModel.Prompt>
): Effect.fn.Return<
  ReadonlyArray<LanguageModel.Completion>,
  LanguageModel.LanguageModelError | Session.SessionError
> {
  const { featureNames, network } = engine
  const generations = prompts.map((prompt) =>
    Generation.start(
      network.tokenizer,
      prompt,
      sparseFeatures(network.tokenizer, featureNames, prompt.matches ?? {})
    )
  )
  for (const generation of generations) {
    const problem = Generation.problemOf(network.tokenizer, featureNames, generation)
    if (problem !== undefined) return yield* badRequest(engine, generation.prompt, problem)
  }
  const shards = shardsOf(generations, engine.shards ?? 1, engine.maxBatch ?? 128)
  yield* Effect.forEach(
    shards,
    (queue, shard) =>
      Effect.forEach(
        queue,
        (rows) => generateShard(engine, rows, (engine.firstWorker ?? 0) + shard),
        {
          discard: true
        }
      ),
    { concurrency: "unbounded", discard: true }
  )
  return yield* Effect.forEach(generations, (generation) => completionOf(engine, generation))
})

const badRequest = ({ name }: Engine, { text }: LanguageModel.Prompt, problem: string) =>
  Effect.fail(
    new LanguageModel.LanguageModelError({
      reason: "BadRequest",
      model: name,
      message: `${problem} (prompt ${JSON.stringify(text.slice(-80))})`
    })
  )

/**
 * Rows of like length together, dealt over the shards; each shard works through its own queue of
 * batches.
 */
const shardsOf = (
  generations: ReadonlyArray<Generation.Generation>,
  shards: number,
  maxBatch: number
): ReadonlyArray<ReadonlyArray<ReadonlyArray<Generation.Generation>>> => {
  const sorted = generations.toSorted((a, b) => a.promptIds.length - b.promptIds.length)
  const size = Math.min(maxBatch, Math.max(8, Math.ceil(sorted.length / shards)))
  const batches = Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) =>
    sorted.slice(i * size, (i + 1) * size)
  )
  return Array.from({ length: shards }, (_, shard) =>
    batches.filter((_, i) => i % shards === shard)
  )
}

const generateShard = Effect.fnUntraced(function* (
  engine: Engine,
  rows: ReadonlyArray<Generation.Generation>,
  worker: number
): Effect.fn.Return<void, Session.SessionError> {
  const { config, tokenizer } = engine.network
  const size = tokenizer.vocabulary.length
  const prompt = bucket(Math.max(...rows.map((row) => row.promptIds.length)), 8)
  const room = engine.rooms.pop() ?? lending()
  let { flight, logits } = yield* prefill(engine, rows, { prompt, worker, room })
  for (let place = prompt; ; place++) {
    for (const [b, row] of flight.rows.entries()) {
      if (row.finish === undefined) Generation.advance(row, logits, b * size, size)
    }
    if (flight.rows.every((row) => row.finish !== undefined)) break
    flight = Flight.withRoom(config, Flight.compact(flight, room), place + 1, room)
    logits = yield* oneMore(engine, flight, place, worker)
  }
  // Not where it was stopped: the thread may still be reading.
  room.clear()
  engine.rooms.push(room)
})

const prefill = Effect.fnUntraced(function* (
  engine: Engine,
  rows: ReadonlyArray<Generation.Generation>,
  {
    prompt,
    room,
    worker
  }: { readonly prompt: number; readonly room: Room; readonly worker: number }
): Effect.fn.Return<{ flight: Flight.Flight; logits: Float32Array }, Session.SessionError> {
  const { network, weights } = engine
  const sizes = { batch: Flight.batchOf(rows.length), prompt }
  const feeds = emptyFeeds(network, sizes.batch, prompt, room)
  for (const [b, row] of rows.entries()) {
    const from = prompt - row.promptIds.length
    placeRow(feeds, network, row.features, row.promptIds, { b, length: prompt, from })
  }
  const session = yield* engine.session(`prefill ${sizes.batch} ${prompt}`, worker, () =>
    Decoder.prefill(network, weights, sizes)
  )
  const {
    logits = none,
    value,
    ...caches
  } = yield* session.run(feeds, Flight.cachePlaces(network.config, sizes, room))
  const size = network.tokenizer.vocabulary.length
  for (const [b, row] of rows.entries()) {
    row.value = value?.[b]
    // A row whose every token is forced would not look at its logits.
    if (Number.isNaN((row.value ?? 0) + (logits[b * size] ?? 0))) row.finish = "Broken"
  }
  return { flight: Flight.start(rows, feeds, caches, sizes), logits }
})

const none = new Float32Array(0)

const oneMore = Effect.fnUntraced(function* (
  engine: Engine,
  flight: Flight.Flight,
  place: number,
  worker: number
): Effect.fn.Return<Float32Array, Session.SessionError> {
  const { network, weights } = engine
  const { batch, cache } = flight
  const session = yield* engine.session(`step ${batch} ${cache}`, worker, () =>
    Decoder.step(network, weights, { batch, cache })
  )
  const turn = Decoder.angles(network.config, place)
  const { logits = none, ...slices } = yield* session.run({
    ...Flight.lastTokens(network.config, flight),
    ...flight.caches,
    cached: flight.cached,
    vocabularyFeatures: flight.vocabularyFeatures,
    cos: Float32Array.from(turn, Math.cos),
    sin: Float32Array.from(turn, Math.sin)
  })
  Flight.keep(network.config, flight, slices, place)
  return logits
})

const completionOf = (
  engine: Engine,
  generation: Generation.Generation
): Effect.Effect<LanguageModel.Completion, LanguageModel.LanguageModelError> => {
  const { choices, features, finish, ids, isConstrained, logProbabilities, promptIds, value } =
    generation
  if (finish === undefined || finish === "Broken") {
    return Effect.fail(
      new LanguageModel.LanguageModelError({
        reason: "BadResponse",
        model: engine.name,
        message:
          `no token could follow ${JSON.stringify(engine.network.tokenizer.decode(ids))}: the network gives ` +
          "no numbers, or every word is ruled out; look at the parameters, then at forbidden and once"
      })
    )
  }
  return Effect.succeed({
    text: Generation.textOf(engine.network.tokenizer, generation),
    finish,
    promptIds,
    ids,
    logProbabilities,
    features,
    ...(isConstrained ? { choices } : {}),
    ...(value === undefined ? {} : { value })
  })
}
