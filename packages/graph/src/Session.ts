/**
 * Compiled graphs that run: a pool of threads with ONNX Runtime, since a run blocks its thread.
 * It computes what it is given; parameters and their updates are the business of `TrainStep`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import * as Onnx from "./Onnx.ts"
import * as Op from "./Op.ts"
import type { CompileRequest, Described, Feed } from "./SessionEngine.ts"
import { SessionError } from "./SessionError.ts"
import * as SessionFeeds from "./SessionFeeds.ts"
import * as SessionHost from "./SessionHost.ts"
import * as Value from "./Value.ts"

export { SessionError }

type Named<A> = { readonly [name: string]: A }

/** Arrays for the inputs, row-major. Those in shared memory are read in place, others are copied. */
export type Feeds = Named<Feed>

/** A graph that is loaded in one thread of the pool. */
export interface Session<Name extends string = string> {
  /** The inputs that each run must be fed. */
  readonly inputs: Named<Described>
  /** Computes all outputs, row-major; int64 and bool outputs arrive as floats. */
  readonly run: (feeds: Feeds) => Effect.Effect<{ [name in Name]: Float32Array }, SessionError>
}

/** Where a graph is loaded, and which of its arrays never change place. */
export interface CompileOptions {
  /** The thread to load it in; by default the one with the fewest sessions. */
  readonly worker?: number
  /** Inputs that every run reads from this (shared) memory, so that they are not fed again. */
  readonly bind?: Feeds
  /** Outputs that every run writes to this (shared) memory; it may be bound as an input too. */
  readonly into?: Named<Float32Array>
}

/** Threads that load graphs and run them. */
export class SessionPool extends Context.Service<
  SessionPool,
  {
    /** The number of threads that run sessions; 0 if they run in the caller's. */
    readonly workers: number
    /** Loads a graph; it is released with the scope. */
    readonly compile: <Name extends string>(
      outputs: { readonly [name in Name]: Value.Value },
      options?: CompileOptions
    ) => Effect.Effect<Session<Name>, SessionError, Scope.Scope>
  }
>()("@dreamgym/graph/SessionPool") {}

/** The size of a pool. */
export interface PoolOptions {
  /** Threads that run sessions, each one run at a time; default 1. */
  readonly workers?: number
  /** Threads that one run may use inside its kernels; default 1. */
  readonly intraOpNumThreads?: number
  /** Where kernels run, in order of preference, as the runtime names it; default `["cpu"]`. */
  readonly executionProviders?: ReadonlyArray<string>
}

const make = (hosts: ReadonlyArray<SessionHost.Host>, pool: PoolOptions) => {
  const loads = hosts.map(() => 0)
  const occupy = (at: number, by: number) => Effect.sync(() => (loads[at] = (loads[at] ?? 0) + by))
  let sessions = 0
  return SessionPool.of({
    workers: pool.workers ?? 1,
    compile: (outputs, options = {}) =>
      Effect.gen(function* () {
        const at = options.worker ?? loads.indexOf(Math.min(...loads))
        const host = hosts[at]
        if (host === undefined) return yield* unknownWorker(at, hosts.length)
        const session = sessions++
        const request = yield* requestOf(outputs, options, pool, session)
        yield* Effect.acquireRelease(occupy(at, 1), () => occupy(at, -1))
        yield* Effect.acquireRelease(host.call(request), () =>
          Effect.ignore(host.call({ kind: "release", session }))
        )
        return sessionOf(host, request, outputs)
      }).pipe(Effect.withSpan("SessionPool.compile"))
  })
}

/** Sessions in worker threads, which end with the layer. */
export const layer = (options: PoolOptions = {}): Layer.Layer<SessionPool> =>
  layerFrom(options, undefined)

/** Sessions in worker threads with another entry than our own. */
export const layerFrom = (options: PoolOptions, entry: URL | undefined): Layer.Layer<SessionPool> =>
  Layer.effect(
    SessionPool,
    Effect.map(
      Effect.forEach(Array.from({ length: options.workers ?? 1 }), () => SessionHost.worker(entry)),
      (hosts) => make(hosts, options)
    )
  )

/** Sessions in the caller's thread, which each run blocks: for tests and short scripts. */
export const layerInline: Layer.Layer<SessionPool> = Layer.sync(SessionPool, () =>
  make([SessionHost.inline()], { workers: 0 })
)

const unknownWorker = (worker: number, count: number) =>
  new SessionError({
    reason: "UnknownWorker",
    message: `there is no worker ${worker}: the pool has ${count}`
  })

/**
 * Measured on a training step of 0.1 M parameters: without the arena a step takes 1.4 times as long;
 * without memory patterns it takes the same and 75 MB less. Spinning only takes time from the other
 * threads of the pool.
 */
const sessionOptions = (intraOpNumThreads: number): CompileRequest["options"] => ({
  intraOpNumThreads,
  interOpNumThreads: 1,
  executionMode: "sequential",
  enableCpuMemArena: true,
  enableMemPattern: false,
  extra: { session: { intra_op: { allow_spinning: "0" } } }
})

const described = (value: Value.Value): Described => ({ shape: value.shape, type: value.type })

const requestOf = (
  outputs: { readonly [name: string]: Value.Value },
  options: CompileOptions,
  pool: PoolOptions,
  session: number
) =>
  Effect.gen(function* () {
    const { intraOpNumThreads = 1 } = pool
    const floats = Record.map(outputs, (value) => Op.cast(value, "float32"))
    const model = yield* Effect.try({
      try: () => Onnx.encode(floats, { isSingleThreaded: intraOpNumThreads === 1 }),
      catch: (cause) => new SessionError({ reason: "CompileFailed", message: String(cause) })
    })
    const { bind = {}, into = {} } = options
    const inputs: { [name: string]: Described } = {}
    for (const node of Value.inputsOf(Object.values(floats)))
      inputs[node.attributes.name] = described(node)
    const request: CompileRequest = {
      kind: "compile",
      session,
      model,
      inputs,
      outputs: Record.map(floats, described),
      bind,
      into,
      providers: pool.executionProviders ?? ["cpu"],
      options: sessionOptions(intraOpNumThreads)
    }
    const problem =
      SessionFeeds.misfit("input", bind, request.inputs) ??
      SessionFeeds.misfit("output", into, request.outputs) ??
      SessionFeeds.unshared({ ...bind, ...into })
    return yield* problem === undefined ? Effect.succeed(request) : Effect.fail(problem)
  })

const sessionOf = <Name extends string>(
  host: SessionHost.Host,
  { session, inputs, bind }: CompileRequest,
  outputs: { readonly [name in Name]: Value.Value }
): Session<Name> => {
  const free = Record.filter(inputs, (_, name) => !(name in bind))
  const run = (feeds: Feeds) => {
    const problem = SessionFeeds.misfit("input", feeds, free) ?? SessionFeeds.missing(feeds, free)
    if (problem !== undefined) return Effect.fail(problem)
    const request = { kind: "run", session, feeds: Record.map(feeds, host.portable) } as const
    return Effect.map(host.call(request), (results) =>
      Record.map(outputs, (_, name) => resultOf(results, name))
    )
  }
  return { inputs: free, run }
}

/** A result by name. The runtime answers every output it was compiled with; else it is at fault. */
export const resultOf = (results: Named<Float32Array>, name: string): Float32Array => {
  const found = results[name]
  if (found === undefined) throw new RangeError(`the runtime gave no output ${name}`)
  return found
}
