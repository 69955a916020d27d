/**
 * The inner loop of the search: products of many vectors with one or four queries, 4 lanes at a time, in WebAssembly.
 * It chooses nothing; it fills an array with scores. The module is assembled per dimension, so that all strides are constants.
 *
 * D dimensions, padded to a `stride` of whole 8 floats; vectors [slot][stride], queries [4][stride], ids [chunk], scores [4][chunk].
 */
import * as Wasm from "./Wasm.ts"

/** WebAssembly as far as it is used here; the compiler's library for Node does not declare it. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number; maximum: number }) => Memory
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: { m: { m: Memory } }
  ) => { readonly exports: Readonly<Record<"one" | "tile", Score>> }
}

interface Memory {
  readonly buffer: ArrayBuffer
  /** Throws a RangeError where the pages cannot be had. */
  readonly grow: (pages: number) => number
}

type Score = (ids: number, end: number, queries: number, scores: number) => void

/** `tile` queries are scored at once, against `chunk` slots at most. */
export const tile = 4
export const chunk = 4096

/**
 * Views of the memory are valid until `grow`, which throws a RangeError where the memory cannot be had; ask `layout` anew then.
 * `score(queries, count)` fills `scores` with the products of the first `count` of `ids` and the first 1 or 4 `queries`.
 */
export interface Kernel {
  readonly stride: number
  readonly layout: () => Layout
  /** How many slots there is room for, now and at most. */
  readonly capacity: () => number
  readonly most: number
  readonly grow: (slots: number) => void
  readonly score: (queries: 1 | 4, count: number) => void
}

export interface Layout {
  readonly ids: Int32Array
  readonly queries: Float32Array
  readonly scores: Float32Array
  readonly vectors: Float32Array
}

const pageBytes = 65_536
const floatBytes = 4
/** Floats of one turn of the inner loop. */
const unroll = 8

/** `limitBytes`: what the memory may grow to, 4 GiB at most. Throws a RangeError where no memory can be had at all. */
export const make = (dimension: number, limitBytes: number): Kernel => {
  const stride = Math.ceil(dimension / unroll) * unroll
  const places = placesOf(stride)
  const pagesFor = (slots: number) =>
    Math.ceil((places.vectors + slots * stride * floatBytes) / pageBytes)
  const maximum = Math.max(pagesFor(0), Math.floor(limitBytes / pageBytes))
  const memory = new WebAssembly.Memory({ initial: pagesFor(0), maximum })
  const module = new WebAssembly.Module(assemble(stride, places.vectors))
  const { one, tile: four } = new WebAssembly.Instance(module, { m: { m: memory } }).exports
  const slotsIn = (bytes: number) => Math.floor((bytes - places.vectors) / (stride * floatBytes))
  const capacity = () => slotsIn(memory.buffer.byteLength)
  let layout = layoutOf(memory.buffer, places, stride, capacity())
  return {
    stride,
    capacity,
    most: Math.max(0, slotsIn(maximum * pageBytes)),
    grow: (slots) => {
      const pages = pagesFor(slots) - memory.buffer.byteLength / pageBytes
      if (pages > 0) memory.grow(pages)
      layout = layoutOf(memory.buffer, places, stride, capacity())
    },
    layout: () => layout,
    score: (queries, count) => {
      const end = places.ids + count * floatBytes
      const run = queries === 1 ? one : four
      run(places.ids, end, places.queries, places.scores)
    }
  }
}

interface Places {
  readonly ids: number
  readonly scores: number
  readonly queries: number
  readonly vectors: number
}

/**
 * Byte offsets; ids and scores have room for those by which the last turn may overshoot. Such ids are 0 or of an earlier call, so
 * they lead to memory that is there, and nobody reads their scores.
 */
const placesOf = (stride: number): Places => {
  const ids = 0
  const scores = (chunk + tile) * floatBytes
  const queries = scores + tile * (chunk + tile) * floatBytes
  const end = queries + tile * stride * floatBytes
  return { ids, scores, queries, vectors: Math.ceil(end / pageBytes) * pageBytes }
}

const layoutOf = (
  buffer: ArrayBuffer,
  places: Places,
  stride: number,
  capacity: number
): Layout => ({
  ids: new Int32Array(buffer, places.ids, chunk + tile),
  scores: new Float32Array(buffer, places.scores, tile * (chunk + tile)),
  queries: new Float32Array(buffer, places.queries, tile * stride),
  vectors: new Float32Array(buffer, places.vectors, capacity * stride)
})

/** The distance, in floats, between the scores of two queries. */
export const scoreStride = chunk + tile

const assemble = (stride: number, base: number): Uint8Array<ArrayBuffer> =>
  Wasm.moduleOf(4, {
    one: scoreBody(stride, base, 4, 1),
    tile: scoreBody(stride, base, 2, tile)
  })

/** The locals of a body: its parameters, then one of each kind for every row, column or product. */
const registersOf = (rows: number, columns: number) => ({
  ids: 0,
  end: 1,
  queries: 2,
  scores: 3,
  pointer: (row: number) => 4 + row,
  query: 4 + rows,
  stop: 5 + rows,
  vector: (row: number) => 6 + rows + row,
  side: 6 + 2 * rows,
  sum: (row: number, column: number) => 7 + 2 * rows + row * columns + column
})
type Registers = ReturnType<typeof registersOf>

const each = (count: number, code: (i: number) => Wasm.Code): Wasm.Code =>
  Array.from({ length: count }, (_, i) => code(i)).flat()

const advance = (index: number, by: number): Wasm.Code =>
  Wasm.assign(index, Wasm.add(Wasm.local(index), Wasm.constant(by)))

/** (ids, end, queries, scores): `rows` vectors times `columns` queries a turn, one accumulator of 4 lanes for each product. */
const scoreBody = (stride: number, base: number, rows: number, columns: number): Wasm.Code => {
  const at = registersOf(rows, columns)
  const bytes = stride * floatBytes
  const slot = (row: number) => Wasm.load32(Wasm.local(at.ids), row * floatBytes)
  const address = (row: number) =>
    Wasm.add(Wasm.multiply(slot(row), Wasm.constant(bytes)), Wasm.constant(base))
  const store = (row: number, column: number) =>
    Wasm.storeFloat(
      Wasm.local(at.scores),
      (column * scoreStride + row) * floatBytes,
      Wasm.sumOfLanes(Wasm.local(at.sum(row, column)))
    )
  const turn = [
    ...each(rows, (row) => Wasm.assign(at.pointer(row), address(row))),
    ...Wasm.assign(at.query, Wasm.local(at.queries)),
    ...Wasm.assign(at.stop, Wasm.add(Wasm.local(at.queries), Wasm.constant(bytes))),
    ...each(rows * columns, (i) => Wasm.assign(at.sum(0, i), Wasm.zeros)),
    ...Wasm.repeatWhile(
      products(at, bytes, rows, columns),
      Wasm.isBelow(Wasm.local(at.query), Wasm.local(at.stop))
    ),
    ...each(rows, (row) => each(columns, (column) => store(row, column))),
    ...advance(at.ids, rows * floatBytes),
    ...advance(at.scores, rows * floatBytes)
  ]
  const code = Wasm.repeatWhile(turn, Wasm.isBelow(Wasm.local(at.ids), Wasm.local(at.end)))
  const vectors = rows + 1 + rows * columns
  return Wasm.functionBody(
    [
      [rows + 2, Wasm.i32],
      [vectors, Wasm.v128]
    ],
    code
  )
}

/** Adds the products of the next `unroll` floats to the sums, and moves on. */
const products = (at: Registers, bytes: number, rows: number, columns: number): Wasm.Code => {
  const product = (row: number, column: number) =>
    Wasm.assign(
      at.sum(row, column),
      Wasm.addLanes(
        Wasm.local(at.sum(row, column)),
        Wasm.multiplyLanes(Wasm.local(at.vector(row)), Wasm.local(at.side))
      )
    )
  const lanes = (offset: number) => [
    ...each(rows, (row) =>
      Wasm.assign(at.vector(row), Wasm.load128(Wasm.local(at.pointer(row)), offset))
    ),
    ...each(columns, (column) => [
      ...Wasm.assign(at.side, Wasm.load128(Wasm.local(at.query), column * bytes + offset)),
      ...each(rows, (row) => product(row, column))
    ])
  ]
  return [
    ...each(unroll / 4, (part) => lanes(part * 16)),
    ...each(rows, (row) => advance(at.pointer(row), unroll * floatBytes)),
    ...advance(at.query, unroll * floatBytes)
  ]
}
