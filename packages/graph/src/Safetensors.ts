/**
 * Tensors as files in the safetensors format: a JSON header with offsets, then raw numbers.
 * It checks bytes against the header; whether they are the right parameters is checked on loading.
 * Source: github.com/huggingface/safetensors, README "Format".
 */
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as OnnxTensor from "./OnnxTensor.ts"
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

/** What the format calls the types that can be read. All become float32; 64 bits are rounded. */
const types: Named<OnnxTensor.TensorType> = {
  F32: "float32",
  F64: "float64",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool"
}

/** What a file says of a tensor: its numbers lie from byte `begin` to `end`, counted after the head. */
export interface Stored {
  readonly type: OnnxTensor.TensorType
  readonly shape: Shape.Shape
  readonly begin: number
  readonly end: number
}

/** What a file says of itself, without the numbers. */
export interface Head {
  readonly tensors: Named<Stored>
  readonly metadata: Named<string>
  /** Where the numbers begin. */
  readonly start: number
}

/** How many bytes at its beginning a file's head takes, told by its first eight. */
export const headSize = (bytes: Uint8Array): number | undefined =>
  bytes.length < lengthBytes
    ? undefined
    : lengthBytes + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))

/** The head of a file of `size` bytes, of which `bytes` are at least the first `headSize`. */
export const head = Effect.fn("Safetensors.head")(function* (
  bytes: Uint8Array,
  size: number,
  file: string
): Effect.fn.Return<Head, SafetensorsError> {
  const nowhere = { file, tensor: "" }
  const start = headSize(bytes)
  if (start === undefined || start > bytes.length)
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
  const tensors: { [name: string]: Stored } = {}
  for (const [tensor, entry] of Object.entries(header))
    if (tensor !== metadataKey)
      tensors[tensor] = yield* storedOf(size - start, entry, { file, tensor })
  return { tensors, metadata, start }
})

/** The tensors and metadata of a file's bytes; `file` is only named in errors. */
export const decode = Effect.fn("Safetensors.decode")(function* (
  bytes: Uint8Array,
  file: string
): Effect.fn.Return<Contents, SafetensorsError> {
  const { metadata, start, tensors } = yield* head(bytes, bytes.length, file)
  const numbersOf = ({ begin, end, shape, type }: Stored) => {
    const own = new Uint8Array(bytes.buffer, bytes.byteOffset + start + begin, end - begin)
    return { shape, data: OnnxTensor.floats({ shape, type, bytes: own }) }
  }
  return { tensors: Record.map(tensors, numbersOf), metadata }
})

const storedOf = Effect.fnUntraced(function* (
  room: number,
  entry: unknown,
  place: Place
): Effect.fn.Return<Stored, SafetensorsError> {
  const { dtype, shape, data_offsets } = yield* Schema.decodeUnknownEffect(Entry)(entry).pipe(
    Effect.mapError(() => broken(place, "BadHeader", "has no dtype, shape and data_offsets"))
  )
  const [begin, end] = data_offsets
  const type = types[dtype]
  if (type === undefined)
    return yield* broken(place, "UnknownType", `is ${dtype}, which is not one of ${known}`)
  if (end - begin !== OnnxTensor.sizeOf({ shape, type }))
    return yield* broken(
      place,
      "Misshapen",
      `is ${dtype} [${shape.join(", ")}], which is not ${end - begin} bytes`
    )
  if (end > room) return yield* broken(place, "TornTensor", `ends ${end - room} bytes too late`)
  return { type, shape, begin, end }
})

const known = Object.keys(types).join(", ")
