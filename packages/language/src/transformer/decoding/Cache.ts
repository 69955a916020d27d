/**
 * The shared memory of keys and values: slots for texts, each with as many places as the longest needs.
 * Models read it in place and never write it; what they give back is copied in here.
 *
 * S slots, K heads of keys and values, E head dimension, C places, J new places.
 */
import type { Config } from "../Config.ts"
import { layersOf, namesOf, newNamesOf } from "./Past.ts"

/** The places that a slot begins with; slots and places double, so that little is copied in all. */
const fewest = 64

/** Where new keys and values lie in what a model gave: row `row`, `width` (J) places of each row. */
export interface Source {
  readonly outputs: { readonly [name: string]: unknown }
  readonly row: number
  readonly width: number
}

/** Keys [S, K, E, C] and values [S, K, C, E] of each layer; its places are counted from 0. */
export class Cache {
  readonly #heads: number
  readonly #width: number
  readonly #layers: ReadonlyArray<number>
  #slots = 0
  #places = fewest
  #arrays: { [name: string]: Float32Array } = {}

  constructor(config: Config) {
    this.#heads = config.keyValueHeads
    this.#width = config.headDimension
    this.#layers = layersOf(config)
  }

  /** C, places of each slot. */
  get places(): number {
    return this.#places
  }

  /** Forgets everything, and takes no memory. */
  reset(): void {
    this.#slots = 0
    this.#places = fewest
    this.#arrays = {}
  }

  /** Has at least so many slots and places from now on. */
  reserve(slots: number, places: number): void {
    if (slots <= this.#slots && places <= this.#places) return
    const old = { places: this.#places, arrays: this.#arrays }
    this.#slots = enough(this.#slots, slots)
    this.#places = enough(this.#places, places)
    const size = this.#slots * this.#heads * this.#width * this.#places
    this.#arrays = {}
    for (const name of this.#layers.flatMap((layer) => Object.values(namesOf(layer))))
      this.#arrays[name] = new Float32Array(new SharedArrayBuffer(4 * size))
    for (const layer of this.#layers) {
      const { keys, values } = namesOf(layer)
      this.#widen(old.arrays[keys], keys, old.places, this.#places)
      this.#widen(old.arrays[values], values, old.places * this.#width, this.#places * this.#width)
    }
  }

  /** The feeds of `count` slots from `from` on. */
  feeds(from: number, count: number): { readonly [name: string]: Float32Array | BigInt64Array } {
    const size = this.#heads * this.#width * this.#places
    const feeds: { [name: string]: Float32Array | BigInt64Array } = {}
    for (const [name, array] of Object.entries(this.#arrays))
      feeds[name] = array.subarray(from * size, (from + count) * size)
    feeds["places"] = BigInt64Array.of(BigInt(this.#places))
    return feeds
  }

  /** Copies the first `count` new places of a row to the slot, behind its first `length`; there is room. */
  write(slot: number, length: number, count: number, { outputs, row, width: j }: Source): void {
    const [heads, width, places] = [this.#heads, this.#width, this.#places]
    for (const layer of this.#layers) {
      const [to, from] = [this.#of(namesOf(layer)), newOf(outputs, layer)]
      for (let at = 0; at < heads * width; at++) {
        const target = (slot * heads * width + at) * places + length
        const source = (row * heads * width + at) * j
        for (let i = 0; i < count; i++) to.keys[target + i] = from.keys[source + i] ?? Number.NaN
      }
      for (let head = 0; head < heads; head++) {
        const target = ((slot * heads + head) * places + length) * width
        const source = (row * heads + head) * j * width
        to.values.set(from.values.subarray(source, source + count * width), target)
      }
    }
  }

  /** Exchanges the first `length` places of two slots. */
  exchange(one: number, other: number, length: number): void {
    const [heads, width, places] = [this.#heads, this.#width, this.#places]
    for (const layer of this.#layers) {
      const { keys, values } = this.#of(namesOf(layer))
      for (let at = 0; at < heads * width; at++) {
        const first = (one * heads * width + at) * places
        swap(keys, first, (other * heads * width + at) * places, length)
      }
      for (let head = 0; head < heads; head++) {
        const first = (one * heads + head) * places * width
        swap(values, first, (other * heads + head) * places * width, length * width)
      }
    }
  }

  /** Forgets a slot whose numbers are none: a place that is not seen still must not hold them. */
  clear(slot: number): void {
    const size = this.#heads * this.#width * this.#places
    for (const array of Object.values(this.#arrays)) array.fill(0, slot * size, (slot + 1) * size)
  }

  #widen(from: Float32Array | undefined, name: string, run: number, step: number): void {
    const to = this.#arrays[name]
    if (from === undefined || to === undefined) return
    for (let at = 0; at * run < from.length; at++)
      to.set(from.subarray(at * run, (at + 1) * run), at * step)
  }

  #of({ keys, values }: { readonly keys: string; readonly values: string }) {
    return { keys: this.#arrays[keys] ?? none, values: this.#arrays[values] ?? none }
  }
}

/** So many, or twice as many as there are, if more are wanted. */
const enough = (present: number, wanted: number): number =>
  wanted <= present ? present : Math.max(wanted, 2 * present)

const none = new Float32Array(0)

const newOf = (outputs: Source["outputs"], layer: number) => {
  const { keys, values } = newNamesOf(layer)
  const [k, v] = [outputs[keys], outputs[values]]
  return {
    keys: k instanceof Float32Array ? k : none,
    values: v instanceof Float32Array ? v : none
  }
}

const swap = (array: Float32Array, one: number, other: number, count: number): void => {
  for (let i = 0; i < count; i++) {
    const kept = array[one + i] ?? 0
    array[one + i] = array[other + i] ?? 0
    array[other + i] = kept
  }
}
