/**
 * Whether arrays fit a compiled graph, and how they reach its thread.
 * Pure checks that return what is wrong, so that a run of a tiny graph stays cheap, in any thread: it loads nothing of Effect.
 */
import type { Arrays, Described, Elements, ElementType } from "./Model.ts"
import type { SessionError } from "./SessionError.ts"
import * as Shape from "./Shape.ts"

type Named<A> = { readonly [name: string]: A }

/** What a `SessionError` says, as plain data: it goes from thread to thread. */
export interface Fault {
  readonly reason: SessionError["reason"]
  readonly message: string
  readonly graph?: string
  readonly node?: string
}

const arrays = {
  float32: Float32Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array
} as const satisfies Record<ElementType, unknown>

const list = (names: ReadonlyArray<string>) => names.join(", ") || "none"

/** A view of memory for each array that can be fed. */
const views = {
  float32: (memory: SharedArrayBuffer) => new Float32Array(memory),
  float16: (memory: SharedArrayBuffer) => new Uint16Array(memory),
  int64: (memory: SharedArrayBuffer) => new BigInt64Array(memory),
  int32: (memory: SharedArrayBuffer) => new Int32Array(memory),
  int8: (memory: SharedArrayBuffer) => new Int8Array(memory),
  bool: (memory: SharedArrayBuffer) => new Uint8Array(memory)
}

/** What an array holds, if nothing else is said: a byte without sign is a truth. */
const kindOf = (array: Elements): keyof typeof views => {
  if (array instanceof Float32Array) return "float32"
  if (array instanceof BigInt64Array) return "int64"
  if (array instanceof Int32Array) return "int32"
  if (array instanceof Int8Array) return "int8"
  return array instanceof Uint16Array ? "float16" : "bool"
}

/** How often the known axes of a shape fit into an array: 1 where all are known. */
const fits = ({ shape, type }: Described, array: Elements): boolean => {
  const known = shape.reduce((all, length) => (length < 0 ? all : all * length), 1)
  const isFree = shape.some((length) => length < 0)
  const isWhole = isFree ? known > 0 && array.length % known === 0 : array.length === known
  return isWhole && array instanceof arrays[type]
}

const textOf = ({ shape, type }: Described) => `${type} [${shape.join(", ")}]`

const sizeOf = ({ shape }: Described) =>
  shape.some((length) => length < 0) ? "any length that fits" : Shape.product(shape)

/** The first array that is unknown, of another element type or of another size. */
export const misfit = (
  role: "input" | "output",
  given: Named<Elements>,
  described: Named<Described>
): Fault | undefined => {
  for (const name in given) {
    const [array, like] = [given[name], described[name]]
    if (array === undefined || like === undefined)
      return {
        reason: "UnknownFeed",
        message: `the graph has no free ${role} ${name}; it has ${list(Object.keys(described))}`
      }
    if (!fits(like, array))
      return {
        reason: "MisshapenFeed",
        message:
          `${role} ${name} is ${textOf(like)} (${arrays[like.type].name} of ${sizeOf(like)}), ` +
          `but was given ${kindOf(array)} [${array.length}]`
      }
    const foreign = like.below === undefined ? -1 : foreignAt(array, like.below)
    if (foreign >= 0) return unknownId(name, array, foreign, like)
  }
  return undefined
}

/** Where the first id is that is negative or not below; -1 if there is none. */
const foreignAt = (array: Elements, below: number): number => {
  for (let index = 0; index < array.length; index++) {
    const id = Number(array[index])
    if (id < 0 || id >= below) return index
  }
  return -1
}

const unknownId = (name: string, array: Elements, index: number, like: Described): Fault => ({
  reason: "UnknownId",
  message:
    `input ${name}, ${textOf(like)}, holds ${array[index]} at ${index}, but ids are 0 to ` +
    `${(like.below ?? 0) - 1}: the ids belong to another vocabulary or table`
})

/** The first input that is not fed. */
const missing = (given: Named<Elements>, described: Named<Described>): Fault | undefined => {
  for (const [name, like] of Object.entries(described))
    if (!(name in given))
      return {
        reason: "MissingFeed",
        message:
          `input ${name}, ${textOf(like)}, ` + `was not fed; fed were ${list(Object.keys(given))}`
      }
  return undefined
}

/** The inputs that are not bound: each run must be fed them. */
export const free = ({
  bind,
  inputs
}: {
  readonly bind: Named<unknown>
  readonly inputs: Named<Described>
}): Named<Described> =>
  Object.fromEntries(Object.entries(inputs).filter(([name]) => !(name in bind)))

/** What is wrong with one run: its feeds, what is not fed, or where it is to write. */
export const problemOf = (
  { feeds, into }: { readonly feeds: Named<Elements>; readonly into: Named<Elements> },
  { free, outputs }: { readonly free: Named<Described>; readonly outputs: Named<Described> }
): Fault | undefined =>
  misfit("input", feeds, free) ?? missing(feeds, free) ?? misfit("output", into, outputs)

/** The first array that another thread could not see. */
export const unshared = (given: Named<Elements>): Fault | undefined => {
  for (const [name, array] of Object.entries(given))
    if (!(array.buffer instanceof SharedArrayBuffer))
      return {
        reason: "NotShared",
        message: `${name} is bound to memory of one thread; back it by a SharedArrayBuffer`
      }
  return undefined
}

const smallest = 1 << 14

/**
 * An array as it is sent. Sending copies private memory, and the whole buffer behind a view at that,
 * twice: a large array or a view is copied once into shared memory instead.
 */
export const portable = (array: Elements): Elements => {
  const { buffer, byteLength } = array
  if (buffer instanceof SharedArrayBuffer) return array
  if (byteLength === buffer.byteLength && byteLength < smallest) return array
  const memory = new SharedArrayBuffer(byteLength)
  new Uint8Array(memory).set(new Uint8Array(buffer, array.byteOffset, byteLength))
  return views[kindOf(array)](memory)
}

/** Whether there is an array of its own type for every output that was described. */
export const isComplete = <Outputs extends Named<Described>>(
  results: Named<Elements>,
  outputs: Outputs
): results is { readonly [name in keyof Outputs]: Arrays[Outputs[name]["type"]] } =>
  Object.entries(outputs).every(([name, { type }]) => results[name] instanceof arrays[type])

const inNode = /running (\S+) node\. Name:'([^']*)' Status Message: ([^]*)/

/**
 * The fault with the graph's name, and for a run the node and what the graph was fed: the runtime says
 * neither.
 */
export const placed = ({ message, reason }: Fault, graph: string, fed: Named<Described>): Fault => {
  if (reason !== "RunFailed") return { reason, graph, message: `${graph}: ${message}` }
  const [, op, node, problem = message] = inNode.exec(message) ?? []
  const where = node === undefined ? "" : ` in node ${node} (${op})`
  const feeds = Object.entries(fed).map(([name, like]) => `${name} ${textOf(like)}`)
  return {
    reason,
    graph,
    ...(node === undefined ? {} : { node }),
    message: `${graph} failed${where}: ${problem.trim()}; it was fed ${list(feeds)}`
  }
}
