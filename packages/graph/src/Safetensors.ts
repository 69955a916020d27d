/**
 * Tensors as files in the safetensors format: a JSON header with offsets, then raw numbers.
 * It checks bytes against the header; whether they are the right parameters is checked on loading.
 * Source: github.com/huggingface/safetensors, README "Format".
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Shape from "./Shape.ts"

type Named<A> = { readonly [name: string]: A }

/** A tensor in memory: float32, row-major. */
export interface Tensor {
  readonly shape: Shape.Shape
  readonly data: Float32Array
}

/** All that a file holds. */
export interface Contents {
  readonly tensors: Named<Tensor>
  readonly metadata: Named<string>
}

/** Bytes that are not the tensors they say they are. */
export class SafetensorsError extends Schema.TaggedError<SafetensorsError>()("SafetensorsError", {
  reason: Schema.Literals(["TornHeader", "BadHeader", "TornTensor", "Misshapen", "UnknownType"]),
  file: Schema.String,
  tensor: Schema.String,
  message: Schema.String
}) {}

const Entry = Schema.Struct({
  dtype: Schema.String,
  shape: Schema.Array(Schema.Natural),
  data_offsets: Schema.Tuple([Schema.Natural, Schema.Natural])
})

const Header = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
const Metadata = Schema.Record(Schema.String, Schema.String)

const metadataKey = "__metadata__"
const lengthBytes = 8

/** The file's bytes: float32 tensors in the given order, with text metadata. */
export const encode = (
  tensors: {
    readonly [name: string]: { readonly shape: Shape.Shape; readonly data: Float32Array }
  },
  metadata: Named<string> = {}
): Uint8Array => {
  let end = 0
  const header: { [name: string]: unknown } = { [metadataKey]: metadata }
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (data.length !== Shape.product(shape))
      throw new Shape.ShapeError("safetensors", [shape], `${name} has ${data.length} numbers`)
    header[name] = { dtype: "F32", shape, data_offsets: [end, (end += data.byteLength)] }
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const padded = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(lengthBytes + padded + end).fill(
    0x20,
    lengthBytes,
    lengthBytes + padded
  )
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true)
  bytes.set(text, lengthBytes)
  let at = lengthBytes + padded
  for (const { data } of Object.values(tensors)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

interface Place {
  readonly file: string
  readonly tensor: string
}

const broken = ({ file, tensor }: Place, reason: SafetensorsError["reason"], problem: string) => {
  const message =
    `${file}: ${tensor === "" ? "the header" : `tensor ${tensor}`} ${problem}; ` +
    "the file is torn or not safetensors: copy it again or go back to the checkpoint before"
  return new SafetensorsError({ reason, file, tensor, message })
}

/** How one element is read at a byte offset. Narrower and wider floats become float32. */
const readers: Named<{
  readonly size: number
  readonly read: (view: DataView, at: number) => number
}> = {
  F32: { size: 4, read: (view, at) => view.getFloat32(at, true) },
  F64: { size: 8, read: (view, at) => view.getFloat64(at, true) },
  F16: { size: 2, read: (view, at) => half(view.getUint16(at, true)) },
  BF16: { size: 2, read: (view, at) => brain(view.getUint16(at, true)) }
}

/** IEEE 754 binary16. */
const half = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const scratch = new DataView(new ArrayBuffer(4))

/** The upper half of a float32. */
const brain = (bits: number): number => {
  scratch.setUint32(0, bits << 16)
  return scratch.getFloat32(0)
}

/** The tensors and metadata of a file's bytes; `file` is only named in errors. */
export const decode = Effect.fn("Safetensors.decode")(function* (bytes: Uint8Array, file: string) {
  const nowhere = { file, tensor: "" }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = bytes.length < lengthBytes ? -1 : Number(view.getBigUint64(0, true))
  const start = lengthBytes + length
  if (length < 0 || start > bytes.length)
    return yield* broken(
      nowhere,
      "TornHeader",
      `needs more than the ${bytes.length} bytes there are`
    )
  const header = yield* Schema.decodeUnknownEffect(Header)(
    new TextDecoder().decode(bytes.subarray(lengthBytes, start))
  ).pipe(Effect.mapError(() => broken(nowhere, "BadHeader", "is not JSON")))
  const metadata = yield* Schema.decodeUnknownEffect(Metadata)(header[metadataKey] ?? {}).pipe(
    Effect.mapError(() => broken(nowhere, "BadHeader", "has metadata that is not text"))
  )
  const tensors: { [name: string]: Tensor } = {}
  for (const [tensor, entry] of Object.entries(header))
    if (tensor !== metadataKey)
      tensors[tensor] = yield* tensorOf(view, start, entry, { file, tensor })
  return { tensors, metadata } satisfies Contents
})

const tensorOf = Effect.fnUntraced(function* (
  view: DataView,
  start: number,
  entry: unknown,
  place: Place
) {
  const { dtype, shape, data_offsets } = yield* Schema.decodeUnknownEffect(Entry)(entry).pipe(
    Effect.mapError(() => broken(place, "BadHeader", "has no dtype, shape and data_offsets"))
  )
  const [begin, end] = data_offsets
  const reader = readers[dtype]
  if (reader === undefined)
    return yield* broken(place, "UnknownType", `is ${dtype}, which is not one of ${known}`)
  const size = Shape.product(shape)
  if (end - begin !== size * reader.size)
    return yield* broken(
      place,
      "Misshapen",
      `is ${dtype} [${shape.join(", ")}], which is not ${end - begin} bytes`
    )
  if (start + end > view.byteLength)
    return yield* broken(
      place,
      "TornTensor",
      `ends ${start + end - view.byteLength} bytes too late`
    )
  const data = new Float32Array(size)
  for (let index = 0; index < size; index++)
    data[index] = reader.read(view, start + begin + index * reader.size)
  return { shape, data }
})

const known = Object.keys(readers).join(", ")
