/**
 * A tensor as an ONNX file holds it: bytes in place, with their type and shape.
 * It converts to arrays on demand; where the bytes come from is the business of `OnnxFile`.
 * Source: onnx.proto3, TensorProto.
 */
import type { Fields } from "./ProtobufReader.ts"
import * as Shape from "./Shape.ts"

/** The element types that can be read, with their numbers in ONNX and their bits. */
export const types = {
  float32: { code: 1, bits: 32 },
  uint8: { code: 2, bits: 8 },
  int8: { code: 3, bits: 8 },
  uint16: { code: 4, bits: 16 },
  int16: { code: 5, bits: 16 },
  int32: { code: 6, bits: 32 },
  int64: { code: 7, bits: 64 },
  bool: { code: 9, bits: 8 },
  float16: { code: 10, bits: 16 },
  float64: { code: 11, bits: 64 },
  uint32: { code: 12, bits: 32 },
  uint64: { code: 13, bits: 64 },
  bfloat16: { code: 16, bits: 16 },
  uint4: { code: 21, bits: 4 },
  int4: { code: 22, bits: 4 }
} as const

/** What the elements are. */
export type TensorType = keyof typeof types

const isType = (name: string): name is TensorType => name in types

/** The type of a number in ONNX, if it is one that can be read. */
export const typeOf = (code: number): TensorType | undefined =>
  Object.keys(types)
    .filter(isType)
    .find((name) => types[name].code === code)

/** The file in which bytes lie that are not in the model's own; `length` may be unsaid. */
export interface External {
  readonly location: string
  readonly offset: number
  readonly length?: number
}

/** Row-major little-endian elements, two to a byte (low half first) if they have four bits. */
export interface Elements {
  readonly type: TensorType
  readonly shape: Shape.Shape
  readonly bytes: Uint8Array
}

/** Elements with their name. `bytes` is a view of the file, and empty while they are in another. */
export interface OnnxTensor extends Elements {
  readonly name: string
  readonly external?: External
}

/** The number of bytes that a tensor of a type and shape has. */
export const sizeOf = ({ shape, type }: Omit<Elements, "bytes">): number =>
  Math.ceil((Shape.product(shape) * types[type].bits) / 8)

type Read = (view: DataView, index: number) => number

/** How an element is read, by its index. */
const readers: Record<TensorType, Read> = {
  float32: (view, index) => view.getFloat32(4 * index, true),
  float64: (view, index) => view.getFloat64(8 * index, true),
  float16: (view, index) => half(view.getUint16(2 * index, true)),
  bfloat16: (view, index) => brain(view.getUint16(2 * index, true)),
  int8: (view, index) => view.getInt8(index),
  uint8: (view, index) => view.getUint8(index),
  bool: (view, index) => view.getUint8(index),
  int16: (view, index) => view.getInt16(2 * index, true),
  uint16: (view, index) => view.getUint16(2 * index, true),
  int32: (view, index) => view.getInt32(4 * index, true),
  uint32: (view, index) => view.getUint32(4 * index, true),
  int64: (view, index) => Number(view.getBigInt64(8 * index, true)),
  uint64: (view, index) => Number(view.getBigUint64(8 * index, true)),
  uint4: (view, index) => nibble(view, index),
  int4: (view, index) => (nibble(view, index) ^ 8) - 8
}

const nibble = (view: DataView, index: number) =>
  (view.getUint8(index >> 1) >> (4 * (index & 1))) & 15

/** The value of an IEEE 754 binary16. */
const half = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const scratch = new DataView(new ArrayBuffer(4))

/** The value of the upper half of a float32. */
const brain = (bits: number): number => {
  scratch.setUint32(0, bits << 16)
  return scratch.getFloat32(0)
}

const viewOf = ({ bytes }: Elements) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The elements as float32, whatever they are; 64-bit ones are rounded. Always a copy. */
export const floats = (tensor: Elements): Float32Array => {
  const result = new Float32Array(Shape.product(tensor.shape))
  if (tensor.type === "float32") {
    new Uint8Array(result.buffer).set(tensor.bytes)
    return result
  }
  const view = viewOf(tensor)
  const read = readers[tensor.type]
  for (let index = 0; index < result.length; index++) result[index] = read(view, index)
  return result
}

/** The elements as whole numbers; exact for int64. Fractions are cut off. */
export const integers = (tensor: Elements): BigInt64Array => {
  const view = viewOf(tensor)
  const read = readers[tensor.type]
  const exact = tensor.type === "int64" || tensor.type === "uint64"
  return BigInt64Array.from({ length: Shape.product(tensor.shape) }, (_, index) =>
    exact ? view.getBigInt64(8 * index, true) : BigInt(Math.trunc(read(view, index)))
  )
}

/** The fields in which a tensor's elements may lie, if not as raw bytes. */
const listed: Partial<Record<TensorType, 4 | 7 | 10 | 11>> = {
  float32: 4,
  int64: 7,
  float64: 10,
  uint32: 11,
  uint64: 11
}

/** The elements that are written as numbers, not as raw bytes; as raw bytes. */
export const listedBytes = (fields: Fields, type: TensorType): Uint8Array => {
  const field = listed[type] ?? 5
  if (field === 4) return fields.fixed(field, 4)
  if (field === 10) return fields.fixed(field, 8)
  const numbers = fields.integers(field)
  const width = Math.max(1, types[type].bits / 8)
  const wide = new BigInt64Array(1)
  const bytes = new Uint8Array(wide.buffer)
  const result = new Uint8Array(numbers.length * width)
  for (const [index, number] of numbers.entries()) {
    wide[0] = number
    result.set(bytes.subarray(0, width), index * width)
  }
  return result
}
