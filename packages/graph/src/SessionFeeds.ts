/**
 * Whether arrays fit a compiled graph, and how they reach its thread.
 * Pure checks that return the error, so that a run of a tiny graph stays cheap.
 */
import type { Described, Feed } from "./SessionEngine.ts"
import { SessionError } from "./SessionError.ts"
import * as Shape from "./Shape.ts"
import type { Type } from "./Value.ts"

type Named<A> = { readonly [name: string]: A }

const arrays = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array } as const

const list = (names: ReadonlyArray<string>) => names.join(", ") || "none"

const kindOf = (array: Feed): Type =>
  array instanceof Float32Array ? "float32" : array instanceof BigInt64Array ? "int64" : "bool"

/** The first array that is unknown, of another element type or of another size. */
export const misfit = (
  role: "input" | "output",
  given: Named<Feed>,
  described: Named<Described>
): SessionError | undefined => {
  for (const name in given) {
    const [array, like] = [given[name], described[name]]
    if (array === undefined || like === undefined)
      return new SessionError({
        reason: "UnknownFeed",
        message: `the graph has no free ${role} ${name}; it has ${list(Object.keys(described))}`
      })
    if (array.length !== Shape.product(like.shape) || kindOf(array) !== like.type)
      return new SessionError({
        reason: "MisshapenFeed",
        message:
          `${role} ${name} is ${like.type} [${like.shape.join(", ")}] ` +
          `(${arrays[like.type].name} of ${Shape.product(like.shape)}), ` +
          `but was given ${kindOf(array)} [${array.length}]`
      })
  }
  return undefined
}

/** The first input that is not fed. */
export const missing = (
  given: Named<Feed>,
  described: Named<Described>
): SessionError | undefined => {
  for (const name in described)
    if (!(name in given))
      return new SessionError({
        reason: "MissingFeed",
        message:
          `input ${name}, ${described[name]?.type} [${described[name]?.shape.join(", ")}], ` +
          `was not fed; fed were ${list(Object.keys(given))}`
      })
  return undefined
}

/** The first array that another thread could not see. */
export const unshared = (given: Named<Feed>): SessionError | undefined => {
  for (const [name, array] of Object.entries(given))
    if (!(array.buffer instanceof SharedArrayBuffer))
      return new SessionError({
        reason: "NotShared",
        message: `${name} is bound to memory of one thread; back it by a SharedArrayBuffer`
      })
  return undefined
}

const smallest = 1 << 14

/**
 * An array as it is sent. Sending copies private memory, and the whole buffer behind a view at that,
 * twice: a large array or a view is copied once into shared memory instead.
 */
export const portable = (array: Feed): Feed => {
  const { buffer, byteLength } = array
  if (buffer instanceof SharedArrayBuffer) return array
  if (byteLength === buffer.byteLength && byteLength < smallest) return array
  const memory = new SharedArrayBuffer(byteLength)
  new Uint8Array(memory).set(new Uint8Array(buffer, array.byteOffset, byteLength))
  return array instanceof Float32Array
    ? new Float32Array(memory)
    : array instanceof BigInt64Array
      ? new BigInt64Array(memory)
      : new Uint8Array(memory)
}
