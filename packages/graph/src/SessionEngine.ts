/**
 * ONNX Runtime in one thread: models compiled, run and released by number.
 * The only file that imports onnxruntime-node. It trusts its requests; `Session` has checked them.
 */
import * as ort from "onnxruntime-node"
import type { Shape } from "./Shape.ts"
import type { Type } from "./Value.ts"

/** The arrays that can be fed: floats, ids, or one byte per boolean. */
export type Feed = Float32Array | BigInt64Array | Uint8Array

export interface Described {
  readonly shape: Shape
  readonly type: Type
}

type Named<A> = { readonly [name: string]: A }

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
  readonly options: ort.InferenceSession.SessionOptions
}

export type Request =
  | CompileRequest
  | { readonly kind: "run"; readonly session: number; readonly feeds: Named<Feed> }
  | { readonly kind: "release"; readonly session: number }

export type Outputs = { [name: string]: Float32Array }

interface Compiled {
  readonly session: ort.InferenceSession
  readonly inputs: Named<Described>
  readonly bound: Named<ort.Tensor>
  readonly fetches: { readonly [name: string]: ort.Tensor | null }
  readonly into: Named<Float32Array>
}

/** Names of the execution providers in this build of the runtime. */
export const providers = (): ReadonlyArray<string> =>
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
  async handle(request: Request): Promise<Outputs> {
    if (request.kind === "run") return this.#run(request.session, request.feeds)
    if (request.kind === "compile") await this.#compile(request)
    else await this.#release(request.session)
    return {}
  }

  async #compile(request: CompileRequest) {
    const session = await ort.InferenceSession.create(request.model, request.options)
    const names = Object.keys(request.outputs)
    const fixed = tensors(request.into, request.outputs)
    this.#sessions.set(request.session, {
      session,
      inputs: request.inputs,
      bound: tensors(request.bind, request.inputs),
      fetches: Object.fromEntries(names.map((name) => [name, fixed[name] ?? null])),
      into: request.into
    })
  }

  async #run(id: number, feeds: Named<Feed>): Promise<Outputs> {
    const compiled = this.#sessions.get(id)
    if (compiled === undefined) throw new Error(`session ${id} was released`)
    const { session, bound, inputs, fetches, into } = compiled
    const results = await session.run({ ...bound, ...tensors(feeds, inputs) }, fetches)
    const outputs: Outputs = {}
    for (const [name, tensor] of Object.entries(results)) {
      const data = into[name] ?? tensor.data
      if (data instanceof Float32Array) outputs[name] = data
    }
    return outputs
  }

  async #release(id: number) {
    const compiled = this.#sessions.get(id)
    this.#sessions.delete(id)
    await compiled?.session.release()
  }
}
