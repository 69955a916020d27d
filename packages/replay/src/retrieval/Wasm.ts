/**
 * A tiny assembler for WebAssembly: the few instructions that a scan of vectors needs, as bytes.
 * It checks nothing; the engine validates the module that comes of it.
 *
 * Opcodes are those of the WebAssembly core specification 2.0, section 5.4 (SIMD included).
 */

/** Bytes of a piece of a module. */
export type Code = ReadonlyArray<number>

/** LEB128 without sign, of a number in [0, 2^32). */
export const unsigned = (value: number): Code => {
  const bytes: Array<number> = []
  let rest = value >>> 0
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return [...bytes, rest]
}

/** LEB128 with sign, of the 32 bits of `value`. */
const signed = (value: number): Code => {
  const bytes: Array<number> = []
  let rest = value | 0
  while (rest < -0x40 || rest > 0x3f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>= 7
  }
  return [...bytes, rest & 0x7f]
}

/** The value types. */
export const i32 = 0x7f
export const v128 = 0x7b

export const constant = (value: number): Code => [0x41, ...signed(value)]
export const local = (index: number): Code => [0x20, ...unsigned(index)]
export const assign = (index: number, value: Code): Code => [...value, 0x21, ...unsigned(index)]
export const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
export const multiply = (a: Code, b: Code): Code => [...a, ...b, 0x6c]
export const isBelow = (a: Code, b: Code): Code => [...a, ...b, 0x49]

/** `address` counts bytes; 2 and 4 are the alignments, as powers of two (the second one only a hint). */
export const load32 = (address: Code, offset: number): Code => [
  ...address,
  0x28,
  2,
  ...unsigned(offset)
]
export const load128 = (address: Code, offset: number): Code => [
  ...address,
  ...simd(0x00),
  4,
  ...unsigned(offset)
]
export const storeFloat = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  0x38,
  2,
  ...unsigned(offset)
]

const simd = (opcode: number): Code => [0xfd, ...unsigned(opcode)]

export const zeros: Code = [...simd(0x0c), ...new Array<number>(16).fill(0)]
export const addLanes = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe4)]
export const multiplyLanes = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe6)]

/** ((0 + 1) + 2) + 3. */
export const sumOfLanes = (vector: Code): Code =>
  [1, 2, 3].reduce<Code>((sum, lane) => [...sum, ...laneOf(vector, lane), 0x92], laneOf(vector, 0))

const laneOf = (vector: Code, lane: number): Code => [...vector, ...simd(0x1f), lane]

/** Does `body`, and again as long as `condition` is not 0. */
export const repeatWhile = (body: Code, condition: Code): Code => [
  0x03,
  0x40,
  ...body,
  ...condition,
  0x0d,
  0,
  0x0b
]

/** `locals` are runs of one type, as [how many, type]. */
export const functionBody = (
  locals: ReadonlyArray<readonly [number, number]>,
  code: Code
): Code => {
  const runs = locals.map(([count, type]) => [...unsigned(count), type])
  return sized([...vector(runs), ...code, 0x0b])
}

const vector = (items: ReadonlyArray<Code>): Code => [...unsigned(items.length), ...items.flat()]
const sized = (code: Code): Code => [...unsigned(code.length), ...code]
const section = (id: number, items: ReadonlyArray<Code>): Code => [id, ...sized(vector(items))]
const named = (name: string): Code => sized([...new TextEncoder().encode(name)])

/** "\0asm", version 1. */
const magic: Code = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

/**
 * A module whose functions all take `parameters` numbers of 32 bits and answer nothing, over the memory imported as `m.m`.
 * The bodies are exported under their names.
 */
export const moduleOf = (
  parameters: number,
  bodies: Readonly<Record<string, Code>>
): Uint8Array<ArrayBuffer> => {
  const names = Object.keys(bodies)
  return Uint8Array.from([
    ...magic,
    ...section(1, [[0x60, ...vector(new Array<Code>(parameters).fill([i32])), 0]]),
    ...section(2, [[...named("m"), ...named("m"), 2, 0, 0]]),
    ...section(
      3,
      names.map(() => [0])
    ),
    ...section(
      7,
      names.map((name, i) => [...named(name), 0, ...unsigned(i)])
    ),
    ...section(10, Object.values(bodies))
  ])
}
