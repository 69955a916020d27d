/**
 * Compiled graphs that run: a pool of threads with ONNX Runtime, since a run blocks its thread.
 * It computes what it is given; parameters and their updates are the business of `TrainStep`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import * as Model from "./Model.ts"
import type * as Onnx from "./Onnx.ts"
import * as Op from "./Op.ts"
import type * as Program from "./Program.ts"
import type * as Provider from "./Provider.ts"
import type { Feed, LoadRequest } from "./SessionEngine.ts"
import { SessionError } from "./SessionError.ts"
import * as SessionFeeds from "./SessionFeeds.ts"
import * as SessionHost from "./SessionHost.ts"
import { performed } from "./SessionPerform.ts"
import * as SessionProvider from "./SessionProvider.ts"
import type * as Value from "./Value.ts"

export { SessionError }

type Named<A> = { readonly [name: string]: A }

/** Arrays for the inputs, row-major. Those in shared memory are read in place, others are copied. */
export type Feeds = Named<Feed>

/** The array of each output, by the type that it was described with. */
export type Results<Outputs extends Named<Model.Described>> = {
  readonly [name in keyof Outputs]: Model.Arrays[Outputs[name]["type"]]
}

/** A model that is loaded in one thread of the pool. */
export interface Loaded<Outputs extends Named<Model.Described> = Named<Model.Described>> {
  /** The number by which a program in its thread knows it. */
  readonly number: number
  /** The inputs that each run must be fed. */
  readonly inputs: Named<Model.Described>
  /** Computes all outputs, row-major; those in `into` are written to that (shared) memory. */
  readonly run: (
    feeds: Feeds,
    into?: Named<Model.Elements>
  ) => Effect.Effect<Results<Outputs>, SessionError>
}

/** A graph that is loaded in one thread; its int64 and bool outputs arrive as floats. */
export type Session<Name extends string = string> = Loaded<{
  readonly [name in Name]: Model.Described<"float32">
}>

/** Where a model is loaded, how it runs, and which of its arrays never change place. */
export interface CompileOptions {
  /** What errors call the graph; default "a graph". */
  readonly name?: string
  /** The thread to load it in; by default the one with the fewest sessions. */
  readonly worker?: number
  /** Inputs that every run reads from this (shared) memory, so that they are not fed again. */
  readonly bind?: Feeds
  /** Outputs that every run writes to this (shared) memory; it may be bound as an input too. */
  readonly into?: Named<Model.Elements>
  /** Threads that one run may use inside its kernels; default as the pool says. */
  readonly intraOpNumThreads?: number
  /** Whether freed memory is kept for the next run: faster in small graphs, larger; default true. */
  readonly keepsMemory?: boolean
}

/** Where a program runs, and what it finds there. */
export interface PerformOptions {
  /** What errors call the program. */
  readonly name: string
  /** The thread; its sessions are those compiled with the same number. */
  readonly worker: number
  /** Sessions of that thread, by `Program.keyOf`. */
  readonly sessions: Named<Loaded>
  /** Compiles, in that thread, one that the program wants and that is not among them. */
  readonly open: (wanted: Program.Wanted) => Effect.Effect<Loaded, SessionError>
}

/** Threads that load graphs and run them. */
export class SessionPool extends Context.Service<
  SessionPool,
  {
    /** The number of threads that run sessions; 0 if they run in the caller's. */
    readonly workers: number
    /** Where kernels run, found out by running some there; fails if that does not work. */
    readonly provider: Effect.Effect<SessionProvider.Provided, SessionError>
    /** Loads a graph; it is released with the scope. */
    readonly compile: <Name extends string>(
      outputs: { readonly [name in Name]: Value.Value },
      options?: CompileOptions
    ) => Effect.Effect<Session<Name>, SessionError, Scope.Scope>
    /** Loads a model, whoever wrote it; it is released with the scope. Outputs keep their types. */
    readonly load: <Outputs extends Named<Model.Described>>(
      model: Model.Model<Outputs>,
      options?: CompileOptions
    ) => Effect.Effect<Loaded<Outputs>, SessionError, Scope.Scope>
    /**
     * Runs a program beside the sessions of one thread, which does nothing else meanwhile. Interrupted, it is dropped between
     * two of its runs.
     */
    readonly perform: <Result>(
      program: Program.Reference<Result>,
      input: unknown,
      options: PerformOptions
    ) => Effect.Effect<Result, SessionError>
  }
>()("@dreamgym/graph/SessionPool") {}

const unnamed = "a graph"

/** The size of a pool. */
export interface PoolOptions {
  /** Threads that run sessions, each one run at a time; default 1. */
  readonly workers?: number
  /** Threads that one run may use inside its kernels; default 1. */
  readonly intraOpNumThreads?: number
  /** Where kernels run; default `cpu`. What was asked for and does not work is an error. */
  readonly provider?: Provider.Choice
}

const make = Effect.fnUntraced(function* (
  hosts: ReadonlyArray<SessionHost.Host>,
  pool: PoolOptions
) {
  const provider = yield* Effect.cached(providerOf(hosts, pool))
  const loads = hosts.map(() => 0)
  const occupy = (at: number, by: number) => Effect.sync(() => (loads[at] = (loads[at] ?? 0) + by))
  let sessions = 0
  const load = Effect.fn("SessionPool.load")(function* <Outputs extends Named<Model.Described>>(
    model: Model.Model<Outputs>,
    options: CompileOptions = {}
  ): Effect.fn.Return<Loaded<Outputs>, SessionError, Scope.Scope> {
    const at = options.worker ?? loads.indexOf(Math.min(...loads))
    const host = hosts[at]
    if (host === undefined) return yield* unknownWorker(at, hosts.length)
    const request = requestOf(model, options, pool, sessions++, yield* chosen(pool, provider))
    const problem = problemOf(request)
    if (problem !== undefined) return yield* new SessionError(problem)
    yield* Effect.acquireRelease(occupy(at, 1), () => occupy(at, -1))
    const { name = unnamed } = options
    yield* Effect.acquireRelease(
      Effect.mapError(host.call(request), (error) => placed(error, name, {})),
      () => Effect.ignore(host.call({ kind: "release", session: request.session }))
    )
    return loadedOf(host, request, model.outputs, name)
  })
  return SessionPool.of({
    workers: pool.workers ?? 1,
    provider,
    load,
    perform: performing(hosts),
    compile: (outputs, options = {}) =>
      Effect.flatMap(encoded(outputs, options, pool), (model) => load(model, options))
  })
})

const performing = (hosts: ReadonlyArray<SessionHost.Host>): SessionPool["Service"]["perform"] => {
  let programs = 0
  return (reference, input, { name, open, sessions, worker }) => {
    const host = hosts[worker]
    if (host === undefined) return Effect.fail(unknownWorker(worker, hosts.length))
    const known = Record.map(sessions, ({ number }) => number)
    const request = { program: programs++, input, sessions: known }
    const opened = (wanted: Program.Wanted) => Effect.map(open(wanted), ({ number }) => number)
    return performed(host, request, { name, reference, open: opened })
  }
}

const providerOf = ([host]: ReadonlyArray<SessionHost.Host>, pool: PoolOptions) =>
  host === undefined
    ? Effect.fail(unknownWorker(0, 0))
    : SessionProvider.found(host, pool.provider ?? "cpu", sessionOptions(1, true))

/** The CPU, which is always there, is not tried before each pool's first session. */
const chosen = (
  { provider: choice = "cpu" }: PoolOptions,
  found: Effect.Effect<SessionProvider.Provided, SessionError>
) => (choice === "cpu" ? Effect.succeed(choice) : Effect.map(found, ({ provider }) => provider))

/** Sessions in worker threads, which end with the layer. */
export const layer = (options: PoolOptions = {}): Layer.Layer<SessionPool> =>
  layerFrom(options, undefined)

/** Sessions in worker threads with another entry than our own. */
export const layerFrom = (options: PoolOptions, entry: URL | undefined): Layer.Layer<SessionPool> =>
  Layer.effect(
    SessionPool,
    Effect.flatMap(
      Effect.forEach(Array.from({ length: options.workers ?? 1 }), () => SessionHost.worker(entry)),
      (hosts) => make(hosts, options)
    )
  )

/** Sessions in the caller's thread, which each run blocks: for tests and short scripts. */
export const layerInline: Layer.Layer<SessionPool> = Layer.effect(
  SessionPool,
  Effect.suspend(() => make([SessionHost.inline()], { workers: 0 }))
)

const placed = (error: SessionError, graph: string, fed: Named<Model.Described>) =>
  new SessionError(SessionFeeds.placed(error, graph, fed))

const unknownWorker = (worker: number, count: number) =>
  new SessionError({
    reason: "UnknownWorker",
    message: `there is no worker ${worker}: the pool has ${count}`
  })

/** What goes wrong is in the errors; the runtime would print it to stderr as well. */
const fatal = 4

/**
 * A session that keeps its memory has the runtime's arena; one that does not plans one block a run and
 * gives it back. Measured on a training step of 4.5 M parameters and 8 x 256 tokens: 588 MB above the
 * empty process and 401 MB, which takes 1.2 to 1.4 times as long (`docs/decisions/0011-memory.md`).
 * Spinning only takes time from the other threads of the pool.
 */
const sessionOptions = (
  intraOpNumThreads: number,
  keepsMemory: boolean
): LoadRequest["options"] => ({
  intraOpNumThreads,
  interOpNumThreads: 1,
  executionMode: "sequential",
  enableCpuMemArena: keepsMemory,
  enableMemPattern: !keepsMemory,
  logSeverityLevel: fatal,
  extra: {
    session: { intra_op: { allow_spinning: "0" } },
    // It would undo the turning of operands that `OnnxRules` does on purpose.
    optimization: { disable_specified_optimizers: "GemmTransposeFusion" }
  }
})

const threadsOf = (options: CompileOptions, pool: PoolOptions) =>
  options.intraOpNumThreads ?? pool.intraOpNumThreads ?? 1

/** Which kernels will run it; those of a graphics card are run by many threads. */
const encodingOf = (options: CompileOptions, pool: PoolOptions): Onnx.EncodeOptions => {
  const isPortable = (pool.provider ?? "cpu") !== "cpu"
  return { isPortable, isSingleThreaded: !isPortable && threadsOf(options, pool) === 1 }
}

/** The model of a graph, whose outputs are all floats. */
const encoded = <Name extends string>(
  outputs: { readonly [name in Name]: Value.Value },
  options: CompileOptions,
  pool: PoolOptions
) =>
  Effect.try({
    try: (): Model.Model<{ readonly [name in Name]: Model.Described<"float32"> }> => {
      const floats = Record.map(outputs, (value: Value.Value) => Op.cast(value, "float32"))
      return {
        ...Model.of(floats, encodingOf(options, pool)),
        outputs: Record.map(floats, ({ shape }: Value.Value) => ({
          shape,
          type: "float32" as const
        }))
      }
    },
    catch: (cause) => {
      const error = new SessionError({ reason: "CompileFailed", message: String(cause) })
      return placed(error, options.name ?? unnamed, {})
    }
  })

const requestOf = (
  model: Model.Model,
  options: CompileOptions,
  pool: PoolOptions,
  session: number,
  provider: Provider.Provider
): LoadRequest => ({
  kind: "load",
  session,
  name: options.name ?? unnamed,
  model: model.bytes,
  inputs: model.inputs,
  outputs: model.outputs,
  bind: options.bind ?? {},
  into: options.into ?? {},
  providers: [provider],
  options: sessionOptions(threadsOf(options, pool), options.keepsMemory ?? true)
})

const problemOf = ({ bind, inputs, into, outputs }: LoadRequest) =>
  SessionFeeds.misfit("input", bind, inputs) ??
  SessionFeeds.misfit("output", into, outputs) ??
  SessionFeeds.unshared({ ...bind, ...into })

const loadedOf = <Outputs extends Named<Model.Described>>(
  host: SessionHost.Host,
  request: LoadRequest,
  outputs: Outputs,
  name: string
): Loaded<Outputs> => {
  const { session } = request
  const free = SessionFeeds.free(request)
  const run = (feeds: Feeds, into: Named<Model.Elements> = {}) => {
    const problem =
      SessionFeeds.problemOf({ feeds, into }, { free, outputs }) ?? SessionFeeds.unshared(into)
    if (problem !== undefined) return Effect.fail(new SessionError(problem))
    const portable = Record.map(feeds, host.portable)
    return host.call({ kind: "run", session, feeds: portable, into }).pipe(
      Effect.flatMap(({ outputs: results }): Effect.Effect<Results<Outputs>, SessionError> =>
        SessionFeeds.isComplete(results, outputs)
          ? Effect.succeed(results)
          : Effect.fail(incomplete(results, outputs))
      ),
      Effect.mapError((error) => placed(error, name, free))
    )
  }
  return { number: session, inputs: free, run }
}

/** A foreign model may not compute what it was described with. */
const incomplete = (results: Named<Model.Elements>, outputs: Named<Model.Described>) =>
  new SessionError({
    reason: "RunFailed",
    message:
      `expected were ${Object.entries(outputs).map(([name, { type }]) => `${name} (${type})`)}, ` +
      `found ${Object.entries(results).map(([name, array]) => `${name} (${array.constructor.name})`)}`
  })

/** A result by name. The runtime answers every output it was compiled with; else it is at fault. */
export const resultOf = (results: Named<Float32Array>, name: string): Float32Array => {
  const found = results[name]
  if (found === undefined) throw new RangeError(`the runtime gave no output ${name}`)
  return found
}
