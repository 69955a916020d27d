/**
 * The trainable decoder as a `LanguageModel`: batched, seeded generation with a key/value cache,
 * returning the exact tokens and their log-probabilities. It reads parameters that a learner may
 * change between calls; it never changes them.
 *
 * B rows, P prompt tokens, C cache places, H heads, V vocabulary.
 */
import { LanguageModel } from "@dreamgym/domain"
import { Parameters, Program, Session, Value } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Brief from "./Brief.ts"
import * as Decoder from "./Decoder.ts"
import { sparseFeatures } from "./Rows.ts"
import * as ShardProgram from "./ShardProgram.ts"

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
  readonly pool: Session.SessionPool["Service"]
  /** The sessions of each thread. */
  readonly sessionsIn: (worker: number) => Sessions
}

/** The sessions of one thread, each kept until the model goes. */
interface Sessions {
  readonly made: { readonly [key: string]: Session.Session }
  readonly open: (wanted: Program.Wanted) => Effect.Effect<Session.Session, Session.SessionError>
}

export const make = Effect.fn("DecoderModel.make")(function* (
  options: DecoderModelOptions
): Effect.fn.Return<LanguageModel.Model, never, Session.SessionPool | Scope.Scope> {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const engine: Engine = { ...options, pool, sessionsIn: sessionsOf(pool, scope, options) }
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

type Graph = Readonly<Record<string, Value.Value>>

type Written = (
  network: Decoder.Network,
  weights: Graph,
  sizes: { readonly batch: number; readonly prompt: number; readonly cache: number }
) => Graph

/** What `ShardProgram` asks for. */
const graphs: { readonly [kind: string]: Written } = {
  prefill: Decoder.prefill,
  step: Decoder.step
}

const sessionsOf = (
  pool: Session.SessionPool["Service"],
  scope: Scope.Scope,
  { name, network, parameters }: DecoderModelOptions
): Engine["sessionsIn"] => {
  const weights = weightsOf(parameters)
  const compile = (wanted: Program.Wanted, worker: number) =>
    Effect.suspend(() => {
      const { batch = 0, cache = 0, prompt = 0 } = wanted.sizes
      const graph = graphs[wanted.kind]?.(network, weights, { batch, cache, prompt }) ?? {}
      const title = `the decoder of ${name} (${Program.keyOf(wanted)})`
      const options = { name: title, worker, bind: boundIn(graph, parameters) }
      return Effect.provideService(pool.compile(graph, options), Scope.Scope, scope)
    })
  const threads = new Map<number, Sessions>()
  return (worker) => {
    const found = threads.get(worker)
    if (found !== undefined) return found
    const made: { [key: string]: Session.Session } = {}
    const keep = (wanted: Program.Wanted) => (session: Session.Session) =>
      Effect.sync(() => (made[Program.keyOf(wanted)] = session))
    const open = (wanted: Program.Wanted) => Effect.tap(compile(wanted, worker), keep(wanted))
    threads.set(worker, { made, open })
    return { made, open }
  }
}

/**
 * Parameters live in shared memory: sessions read what a learner last wrote, and only those that the
 * graph has.
 */
const boundIn = (graph: Graph, { arrays }: Parameters.Parameters) => {
  const inputs = Value.inputsOf(Object.values(graph)).map((input) => input.attributes.name)
  return Object.fromEntries(
    inputs.flatMap((name) => {
      const array = arrays[name]
      return array === undefined ? [] : [[name, array] as const]
    })
  )
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
  const { featureNames, firstWorker = 0, network } = engine
  const { tokenizer } = network
  const rows = prompts.map((prompt) =>
    Brief.of(tokenizer, prompt, sparseFeatures(tokenizer, featureNames, prompt.matches ?? {}))
  )
  for (const row of rows) {
    const problem = Brief.problemOf(tokenizer, featureNames, row)
    if (problem !== undefined) return yield* badRequest(engine, row.prompt, problem)
  }
  const said = new Map<Brief.Asked, ShardProgram.Said>()
  yield* Effect.forEach(
    shardsOf(rows, engine.shards ?? 1, engine.maxBatch ?? 128),
    (queue, shard) =>
      Effect.forEach(queue, (batch) => generateBatch(engine, batch, firstWorker + shard, said), {
        discard: true
      }),
    { concurrency: "unbounded", discard: true }
  )
  return yield* Effect.forEach(rows, (row) => completionOf(engine, row, said.get(row)))
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
  rows: ReadonlyArray<Brief.Asked>,
  shards: number,
  maxBatch: number
): ReadonlyArray<ReadonlyArray<ReadonlyArray<Brief.Asked>>> => {
  const lengthOf = ({ brief }: Brief.Asked) => brief.promptIds.length
  const sorted = rows.toSorted((a, b) => lengthOf(a) - lengthOf(b))
  const size = Math.min(maxBatch, Math.max(8, Math.ceil(sorted.length / shards)))
  const batches = Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) =>
    sorted.slice(i * size, (i + 1) * size)
  )
  return Array.from({ length: shards }, (_, shard) =>
    batches.filter((_, i) => i % shards === shard)
  )
}

/** One message to the thread and one back, and one more each way for every session that it lacks. */
const generateBatch = Effect.fnUntraced(function* (
  { name, network, pool, sessionsIn }: Engine,
  rows: ReadonlyArray<Brief.Asked>,
  shard: number,
  said: Map<Brief.Asked, ShardProgram.Said>
): Effect.fn.Return<void, Session.SessionError> {
  const worker = pool.workers === 0 ? 0 : shard % pool.workers
  const { made, open } = sessionsIn(worker)
  const input = ShardProgram.inputOf(
    network,
    rows.map(({ brief }) => brief)
  )
  const where = { name: `the decoder of ${name}`, worker, sessions: made, open }
  const results = yield* pool.perform(ShardProgram.reference, input, where)
  for (const [b, row] of rows.entries()) {
    const result = results[b]
    if (result !== undefined) said.set(row, result)
  }
})

const completionOf = (
  { name, network }: Engine,
  row: Brief.Asked,
  said: ShardProgram.Said | undefined
): Effect.Effect<LanguageModel.Completion, LanguageModel.LanguageModelError> => {
  const { tokenizer } = network
  const { features, isConstrained, promptIds } = row.brief
  if (said === undefined || said.finish === "Broken") {
    return Effect.fail(
      new LanguageModel.LanguageModelError({
        reason: "BadResponse",
        model: name,
        message:
          `no token could follow ${JSON.stringify(tokenizer.decode(said?.ids ?? []))}: the network gives ` +
          "no numbers, or every word is ruled out; look at the parameters, then at forbidden and once"
      })
    )
  }
  const { choices, finish, ids, logProbabilities, value } = said
  return Effect.succeed({
    text: Brief.textOf(tokenizer, row, { finish, ids }),
    finish,
    promptIds,
    ids,
    logProbabilities,
    features,
    ...(isConstrained ? { choices } : {}),
    ...(value === undefined ? {} : { value })
  })
}
