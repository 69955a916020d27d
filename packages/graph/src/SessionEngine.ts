/**
 * ONNX Runtime in one thread: models loaded, run and released by number.
 * The only file that imports onnxruntime-node. It trusts its requests; `Session` has checked them.
 */
import { tracingChannel } from "node:diagnostics_channel"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as ort from "onnxruntime-node"
import type { Described, Elements } from "./Model.ts"
import * as SessionFeeds from "./SessionFeeds.ts"
import { ProgramFailed, Programs, type Progress, type ProgramRequest } from "./SessionPrograms.ts"

type Named<A> = { readonly [name: string]: A }

// What goes wrong is in the errors; the runtime would print it to stderr as well.
ort.env.logLevel = "fatal"

/** The arrays that can be fed. */
export type Feed = Elements

/** A model to load under a number, with all that is fixed for its runs. */
export interface LoadRequest {
  readonly kind: "load"
  readonly session: number
  /** What errors and measurements call the graph. */
  readonly name: string
  readonly model: Uint8Array
  readonly inputs: Named<Described>
  readonly outputs: Named<Described>
  /** Inputs read from the same memory at every run. */
  readonly bind: Named<Feed>
  /** Outputs written to the same memory at every run. */
  readonly into: Named<Elements>
  /** Execution providers in order of preference; one that is not built in is refused. */
  readonly providers: ReadonlyArray<string>
  readonly options: ort.InferenceSession.SessionOptions
}

/** Inputs of one run, and outputs that it writes to given memory. */
export interface RunRequest {
  readonly kind: "run"
  readonly session: number
  readonly feeds: Named<Feed>
  readonly into: Named<Elements>
}

/** Runs a model once, all its inputs zero, and answers how many nodes each executor ran. */
export interface ProbeRequest extends Omit<
  LoadRequest,
  "kind" | "session" | "name" | "bind" | "into"
> {
  readonly kind: "probe"
}

/** What can be asked of an engine. */
export type Request =
  | LoadRequest
  | RunRequest
  | ProbeRequest
  | ProgramRequest
  | { readonly kind: "release"; readonly session: number }

/** The results of a run, by name. */
export type Outputs = { [name: string]: Elements }

/** What comes of a request: outputs of a run, progress of a program, else nothing. */
export interface Answer extends Progress {
  readonly outputs: Outputs
}

interface Loaded {
  readonly session: ort.InferenceSession
  /** The inputs that each run must be fed. */
  readonly free: Named<Described>
  readonly request: LoadRequest
  readonly bound: Named<ort.Tensor>
  readonly fetches: { readonly [name: string]: ort.Tensor | null }
}

/** What this build of the runtime knows; `bundled` if nothing must be added to it. */
export const backends = (): ReadonlyArray<{ readonly name: string; readonly bundled: boolean }> =>
  ort.listSupportedBackends()

const providers = (): ReadonlyArray<string> => backends().map((backend) => backend.name)

/** The shape with its free axis, if it has one, as long as so many elements make it. */
const concrete = ({ shape }: Described, count: number): Array<number> => {
  const known = shape.reduce((all, length) => (length < 0 ? all : all * length), 1)
  return shape.map((length) => (length < 0 ? count / Math.max(1, known) : length))
}

/**
 * The runtime's `Tensor` would turn the bits of a float16 into a Float16Array, which its own native
 * side cannot read: the bits go in as they are, under the other type's name.
 */
const tensorOf = (array: Elements, like: Described): ort.Tensor => {
  const dims = concrete(like, array.length)
  if (like.type !== "float16") return new ort.Tensor(like.type, array, dims)
  return Object.defineProperty(new ort.Tensor("uint16", array, dims), "type", { value: like.type })
}

const tensors = (arrays: Named<Elements>, described: Named<Described>): Named<ort.Tensor> => {
  const result: { [name: string]: ort.Tensor } = {}
  for (const [name, array] of Object.entries(arrays)) {
    const like = described[name]
    if (like !== undefined) result[name] = tensorOf(array, like)
  }
  return result
}

/** What came out, as the array that holds its type. */
const elementsOf = (data: ort.Tensor["data"]): Elements | undefined =>
  data instanceof Float32Array ||
  data instanceof BigInt64Array ||
  data instanceof Int32Array ||
  data instanceof Int8Array ||
  data instanceof Uint8Array ||
  data instanceof Uint16Array
    ? data
    : ArrayBuffer.isView(data) && data.BYTES_PER_ELEMENT === Uint16Array.BYTES_PER_ELEMENT
      ? new Uint16Array(data.buffer, data.byteOffset, data.length)
      : undefined

const created = (
  { model, providers: wanted }: Pick<LoadRequest, "model" | "providers">,
  options: LoadRequest["options"]
): Promise<ort.InferenceSession> => {
  const absent = wanted.find((name) => !providers().includes(name))
  return absent === undefined
    ? ort.InferenceSession.create(model, { ...options, executionProviders: [...wanted] })
    : Promise.reject(new Error(withoutProvider(absent)))
}

/** The runtime says who ran a node only in its profile, which it writes to a file. */
const probe = (request: ProbeRequest): Promise<Outputs> => {
  const folder = mkdtempSync(join(tmpdir(), "dreamgym-probe-"))
  const profiled = { enableProfiling: true, profileFilePrefix: join(folder, "profile") }
  return created(request, { ...request.options, ...profiled })
    .then((session) =>
      session
        .run(tensors(zerosOf(request.inputs), request.inputs))
        .finally(() => session.endProfiling())
        .finally(() => session.release())
    )
    .then(() => placementIn(folder))
    .finally(() => rmSync(folder, { recursive: true }))
}

const zerosOf = (inputs: Named<Described>): Named<Feed> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, type }]) => {
      const count = shape.reduce((all, length) => all * length, 1)
      return [name, type === "int64" ? new BigInt64Array(count) : new Float32Array(count)]
    })
  )

/** A line of a profile: nodes are those with an executor. */
interface Event {
  readonly args?: { readonly provider?: string }
}

const placementIn = (folder: string): Outputs => {
  const counts: { [executor: string]: Int32Array } = {}
  for (const file of readdirSync(folder)) {
    const events: ReadonlyArray<Event> = JSON.parse(readFileSync(join(folder, file), "utf8"))
    for (const { args } of events) {
      if (args?.provider === undefined) continue
      const count = (counts[args.provider] ??= new Int32Array(1))
      count[0] = (count[0] ?? 0) + 1
    }
  }
  return counts
}

/** What the runtime itself does. */
type OwnRequest = Exclude<Request, ProgramRequest>

/**
 * What is told of a request on the channels `tracing:dreamgym.session:*` of `node:diagnostics_channel`: also of each run of a
 * program, but not of the program around them.
 */
export interface Told {
  readonly request: OwnRequest
}

/** Told when a request's work begins (`start`) and when it is done (`asyncStart`): it costs nothing where nobody listens. */
const told = tracingChannel<Told, Told>("dreamgym.session")

const isOfProgram = (request: Request): request is ProgramRequest =>
  request.kind === "perform" || request.kind === "resume" || request.kind === "abandon"

/** A store of loaded sessions that answers requests one after another. */
export class Engine {
  readonly #sessions = new Map<number, Loaded>()
  readonly #programs = new Programs((asked) => this.#runOfProgram({ kind: "run", ...asked }))

  /**
   * Answers a request; rejects with the runtime's own error, or with `ProgramFailed`. A program that `isUnwanted` is dropped
   * between two of its runs.
   */
  handle(request: Request, isUnwanted: () => boolean = () => false): Promise<Answer> {
    return isOfProgram(request)
      ? this.#programs
          .handle(request, isUnwanted)
          .then((progress) => ({ ...progress, outputs: {} }))
      : this.#handle(request).then((outputs) => ({ outputs }))
  }

  #handle(request: OwnRequest): Promise<Outputs> {
    return told.tracePromise(() => this.#answer(request), { request })
  }

  /** Nobody in another thread has looked at these feeds. */
  #runOfProgram(request: RunRequest): Promise<Outputs> {
    const loaded = this.#sessions.get(request.session)
    if (loaded === undefined) return this.#handle(request)
    const { free, request: described } = loaded
    const { name, outputs } = described
    const problem = SessionFeeds.problemOf(request, { free, outputs })
    if (problem !== undefined) return Promise.reject(new ProgramFailed({ ...problem, graph: name }))
    return this.#handle(request).catch((cause: unknown) => {
      const fault = { reason: "RunFailed", message: String(cause) } as const
      return Promise.reject(new ProgramFailed(SessionFeeds.placed(fault, name, free)))
    })
  }

  #answer(request: OwnRequest): Promise<Outputs> {
    if (request.kind === "run") return this.#run(request)
    if (request.kind === "probe") return probe(request)
    const done = request.kind === "load" ? this.#load(request) : this.#release(request.session)
    return done.then(() => ({}))
  }

  #load(request: LoadRequest): Promise<void> {
    return created(request, request.options).then((session) => {
      const fixed = tensors(request.into, request.outputs)
      this.#sessions.set(request.session, {
        session,
        request,
        free: SessionFeeds.free(request),
        bound: tensors(request.bind, request.inputs),
        fetches: Object.fromEntries(
          Object.keys(request.outputs).map((name) => [name, fixed[name] ?? null])
        )
      })
    })
  }

  #run({ feeds, into, session: id }: RunRequest): Promise<Outputs> {
    const loaded = this.#sessions.get(id)
    if (loaded === undefined)
      return Promise.reject(new Error(`session ${id} is not in this thread (any more)`))
    const { session, bound, fetches, request } = loaded
    const { inputs, outputs: described } = request
    const given = { ...request.into, ...into }
    return session
      .run({ ...bound, ...tensors(feeds, inputs) }, { ...fetches, ...tensors(into, described) })
      .then((results) => {
        const outputs: Outputs = {}
        for (const [name, tensor] of Object.entries(results)) {
          const data = given[name] ?? elementsOf(tensor.data)
          if (data !== undefined) outputs[name] = data
        }
        return outputs
      })
  }

  #release(id: number): Promise<void> {
    const loaded = this.#sessions.get(id)
    this.#sessions.delete(id)
    return loaded?.session.release() ?? Promise.resolve()
  }
}

/** The runtime itself would only warn and then run on the CPU. */
const withoutProvider = (name: string) =>
  `this build of the runtime has no execution provider ${name}; it has ${providers().join(", ")}`
