/**
 * ONNX Runtime in one thread: models compiled, run and released by number.
 * The only file that imports onnxruntime-node. It trusts its requests; `Session` has checked them.
 */
import * as ort from "onnxruntime-node"
import type { Shape } from "./Shape.ts"
import type { Type } from "./Value.ts"

/** The arrays that can be fed: floats, ids, or one byte per boolean. */
export type Feed = Float32Array | BigInt64Array | Uint8Array

/** The shape and the element type of an array. */
export interface Described {
  readonly shape: Shape
  readonly type: Type
}

type Named<A> = { readonly [name: string]: A }

/** A model to load under a number, with all that is fixed for its runs. */
export interface CompileRequest {
  readonly kind: "compile"
  readonly session: number
  readonly model: Uint8Array
  readonly inputs: Named<Described>
  readonly outputs: Named<Described>
  /** Inputs read from the same memory at every run. */
  readonly bind: Named<Feed>
  /** Outputs written to the same memory at every run. */
  readonly into: Named<Float32Array>
  /** Execution providers in order of preference; one that is not built in is refused. */
  readonly providers: ReadonlyArray<string>
  readonly options: ort.InferenceSession.SessionOptions
}

/** What can be asked of an engine. */
export type Request =
  | CompileRequest
  | { readonly kind: "run"; readonly session: number; readonly feeds: Named<Feed> }
  | { readonly kind: "release"; readonly session: number }

/** The results of a run, by name. */
export type Outputs = { [name: string]: Float32Array }

interface Compiled {
  readonly session: ort.InferenceSession
  readonly inputs: Named<Described>
  readonly bound: Named<ort.Tensor>
  readonly fetches: { readonly [name: string]: ort.Tensor | null }
  readonly into: Named<Float32Array>
}

const providers = (): ReadonlyArray<string> =>
  ort.listSupportedBackends().map((backend) => backend.name)

const tensorOf = (feed: Feed, { shape, type }: Described): ort.Tensor =>
  new ort.Tensor(type, feed, [...shape])

const tensors = (arrays: Named<Feed>, described: Named<Described>): Named<ort.Tensor> => {
  const result: { [name: string]: ort.Tensor } = {}
  for (const [name, array] of Object.entries(arrays)) {
    const like = described[name]
    if (like !== undefined) result[name] = tensorOf(array, like)
  }
  return result
}

/** A store of compiled sessions that answers requests one after another. */
export class Engine {
  readonly #sessions = new Map<number, Compiled>()

  /** Answers a request; only "run" has outputs. Rejects with the runtime's own error. */
  handle(request: Request): Promise<Outputs> {
    if (request.kind === "run") return this.#run(request.session, request.feeds)
    const done =
      request.kind === "compile" ? this.#compile(request) : this.#release(request.session)
    return done.then(() => ({}))
  }

  #compile(request: CompileRequest): Promise<void> {
    const absent = request.providers.find((name) => !providers().includes(name))
    if (absent !== undefined) return Promise.reject(new Error(withoutProvider(absent)))
    const { model, options } = request
    const all = { ...options, executionProviders: [...request.providers] }
    return ort.InferenceSession.create(model, all).then((session) => {
      const fixed = tensors(request.into, request.outputs)
      this.#sessions.set(request.session, {
        session,
        inputs: request.inputs,
        bound: tensors(request.bind, request.inputs),
        fetches: Object.fromEntries(
          Object.keys(request.outputs).map((name) => [name, fixed[name] ?? null])
        ),
        into: request.into
      })
    })
  }

  #run(id: number, feeds: Named<Feed>): Promise<Outputs> {
    const compiled = this.#sessions.get(id)
    if (compiled === undefined) return Promise.reject(new Error(`session ${id} was released`))
    const { session, bound, inputs, fetches, into } = compiled
    return session.run({ ...bound, ...tensors(feeds, inputs) }, fetches).then((results) => {
      const outputs: Outputs = {}
      for (const [name, tensor] of Object.entries(results)) {
        const data = into[name] ?? tensor.data
        if (data instanceof Float32Array) outputs[name] = data
      }
      return outputs
    })
  }

  #release(id: number): Promise<void> {
    const compiled = this.#sessions.get(id)
    this.#sessions.delete(id)
    return compiled?.session.release() ?? Promise.resolve()
  }
}

/** The runtime itself would only warn and then run on the CPU. */
const withoutProvider = (name: string) =>
  `this build of the runtime has no execution provider ${name}; it has ${providers().join(", ")}`
