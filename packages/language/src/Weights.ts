/**
 * Sets of parameters as safetensors bytes, and back in place. Where the bytes lie is the caller's
 * business.
 */
import { Parameters, Safetensors } from "@dreamgym/graph"
import * as Effect from "effect/Effect"

/** All tensors in their order, with text metadata. */
export const encode = (
  { arrays, shapes }: Parameters.Parameters,
  metadata: Readonly<Record<string, string>> = {}
): Uint8Array =>
  Safetensors.encode(
    Object.fromEntries(
      Object.entries(arrays).map(([name, data]) => [name, { shape: shapes[name] ?? [], data }])
    ),
    metadata
  )

/**
 * Overwrites `target` in place once every name and shape fits; on failure it is as before. Answers
 * the metadata.
 */
export const decodeInto = Effect.fn("Weights.decodeInto")(function* (
  target: Parameters.Parameters,
  bytes: Uint8Array,
  file: string
): Effect.fn.Return<
  Readonly<Record<string, string>>,
  Safetensors.SafetensorsError | Parameters.ParametersError
> {
  const { metadata, tensors } = yield* Safetensors.decode(bytes, file)
  const read = yield* Effect.fromResult(Parameters.fromTensors(target.shapes, tensors))
  new Uint8Array(target.memory).set(new Uint8Array(read.memory))
  return metadata
})
