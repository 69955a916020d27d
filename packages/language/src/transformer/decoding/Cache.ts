/**
 * The shared memory of keys and values: slots for texts, each with as many places as the longest needs.
 * Models read it in place and never write it; what they give back is copied in here.
 *
 * S slots, K heads of keys and values, E head dimension, C places, J new places.
 */
import type { Config } from "../Config.ts"
import { layersOf, namesOf, newNamesOf } from "./Past.ts"

/** The places that a slot begins with. */
const fewest = 64

/** Places come in steps: attention looks at all of them, so that too many cost time in every run. */
const step = 32

/** Where new keys and values lie in what a model gave: row `row`, `width` (J) places of each row. */
export interface Source {
  readonly outputs: { readonly [name: string]: unknown }
  readonly row: number
  readonly width: number
}

/** An array of the cache, and its name where a model gives what is new. */
interface Part {
  readonly name: string
  readonly newName: string
}

/** Keys and values [S, K, C, E] of each layer; a slot's places are counted from 0. */
export class Cache {
  readonly #heads: number
  readonly #width: number
  readonly #parts: ReadonlyArray<Part>
  #slots = 0
  #places = fewest
  #arrays = new Map<Part, Float32Array>()

  constructor(config: Config) {
    this.#heads = config.keyValueHeads
    this.#width = config.headDimension
    this.#parts = layersOf(config).flatMap((layer) => {
      const [from, to] = [newNamesOf(layer), namesOf(layer)]
      return [
        { name: to.keys, newName: from.keys },
        { name: to.values, newName: from.values }
      ]
    })
  }

  /** C, places of each slot. */
  get places(): number {
    return this.#places
  }

  /** Forgets everything, and takes no memory. */
  reset(): void {
    this.#slots = 0
    this.#places = fewest
    this.#arrays = new Map()
  }

  /** Has at least so many slots and places from now on. */
  reserve(slots: number, places: number): void {
    if (slots <= this.#slots && places <= this.#places) return
    const run = this.#places * this.#width
    if (slots > this.#slots) this.#slots = Math.max(slots, 2 * this.#slots)
    if (places > this.#places) this.#places = longer(this.#places, places)
    const size = this.#places * this.#width
    for (const part of this.#parts) {
      const from = this.#arrays.get(part) ?? new Float32Array(0)
      const to = new Float32Array(new SharedArrayBuffer(4 * this.#slots * this.#heads * size))
      for (let at = 0; at * run < from.length; at++)
        to.set(from.subarray(at * run, (at + 1) * run), at * size)
      this.#arrays.set(part, to)
    }
  }

  /** The feeds of `count` slots from `from` on. */
  feeds(from: number, count: number): { readonly [name: string]: Float32Array | BigInt64Array } {
    const size = this.#heads * this.#width * this.#places
    const feeds: { [name: string]: Float32Array | BigInt64Array } = {}
    for (const [{ name }, array] of this.#arrays)
      feeds[name] = array.subarray(from * size, (from + count) * size)
    feeds["places"] = BigInt64Array.of(BigInt(this.#places))
    return feeds
  }

  /** Copies the first `count` new places of a row to the slot, behind its first `length`; there is room. */
  write(slot: number, length: number, count: number, { outputs, row, width: j }: Source): void {
    const [heads, width] = [this.#heads, this.#width]
    for (const [{ newName }, array] of this.#arrays) {
      const from = outputs[newName]
      if (!(from instanceof Float32Array)) continue
      for (let head = 0; head < heads; head++) {
        const source = (row * heads + head) * j * width
        const target = ((slot * heads + head) * this.#places + length) * width
        array.set(from.subarray(source, source + count * width), target)
      }
    }
  }

  /** Exchanges the first `length` places of two slots. */
  exchange(one: number, other: number, length: number): void {
    const run = this.#places * this.#width
    const count = length * this.#width
    for (const array of this.#arrays.values())
      for (let head = 0; head < this.#heads; head++) {
        const [first, second] = [
          (one * this.#heads + head) * run,
          (other * this.#heads + head) * run
        ]
        const kept = array.slice(first, first + count)
        array.copyWithin(first, second, second + count)
        array.set(kept, second)
      }
  }

  /** Forgets a slot whose numbers are none: a place that is not seen still must not hold them. */
  clear(slot: number): void {
    const size = this.#heads * this.#width * this.#places
    for (const array of this.#arrays.values()) array.fill(0, slot * size, (slot + 1) * size)
  }
}

/** At least a third more than there are, so that little is copied in all. */
const longer = (present: number, wanted: number): number =>
  Math.ceil(Math.max(wanted, (present * 4) / 3) / step) * step
