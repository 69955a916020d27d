/**
 * A model that can be loaded: the bytes of an ONNX file with what goes in and what comes out.
 * It does not matter who wrote the bytes: our encoder, another writer, or another program.
 */
import * as Record from "effect/Record"
import { bounds } from "./Bounds.ts"
import * as Onnx from "./Onnx.ts"
import type { Shape } from "./Shape.ts"
import * as Value from "./Value.ts"

type Named<A> = { readonly [name: string]: A }

/** The array that holds each element type. A `bool` is one byte; a `float16` is its 16 bits. */
export interface Arrays {
  readonly float32: Float32Array
  readonly float16: Uint16Array
  readonly int64: BigInt64Array
  readonly int32: Int32Array
  readonly int8: Int8Array
  readonly uint8: Uint8Array
  readonly bool: Uint8Array
}

/** What the elements of an array are. */
export type ElementType = keyof Arrays

/** Any array that goes in or comes out. */
export type Elements = Arrays[ElementType]

/** An array's element type and shape. One axis may be -1: its length is that of the array. */
export interface Described<Type extends ElementType = ElementType> {
  readonly shape: Shape
  readonly type: Type
  /** Of ids: how many there are to choose from; each must be at least 0 and below. */
  readonly below?: number
}

/** Bytes, free inputs and outputs. Their names are those in the bytes. */
export interface Model<Outputs extends Named<Described> = Named<Described>> {
  readonly bytes: Uint8Array
  readonly inputs: Named<Described>
  readonly outputs: Outputs
}

/** The model that computes these values; outputs keep their types. */
export const of = <Name extends string>(
  outputs: { readonly [name in Name]: Value.Value },
  options: Onnx.EncodeOptions = {}
): Model<{ readonly [name in Name]: Described<Value.Type> }> => ({
  bytes: Onnx.encode(outputs, options),
  inputs: inputsOf(outputs),
  outputs: Record.map(outputs, ({ shape, type }: Value.Value) => ({ shape, type }))
})

/** What the inputs of a graph are, in the order of their first use. */
const inputsOf = (outputs: Named<Value.Value>): Named<Described> => {
  const roots = Object.values(outputs)
  const below = bounds(roots)
  return Object.fromEntries(
    Value.inputsOf(roots).map(({ attributes: { name }, shape, type }) => {
      const most = below[name]
      return [name, most === undefined ? { shape, type } : { shape, type, below: most }]
    })
  )
}
