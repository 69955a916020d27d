/**
 * A reader of protocol-buffer messages: one message's fields by number, nested ones on demand.
 * It knows the wire format and no schema; ONNX's field numbers are in `OnnxFile`.
 * Source: protobuf.dev/programming-guides/encoding.
 */

/** Bytes that are no message. `offset` is counted from the start of the outermost one. */
export class ProtobufError extends Error {
  readonly _tag = "ProtobufError"
  readonly reason: "Torn" | "Malformed"
  readonly offset: number
  readonly expected: string
  readonly found: string

  constructor(
    reason: "Torn" | "Malformed",
    at: { readonly offset: number; readonly expected: string; readonly found: string }
  ) {
    super(`at byte ${at.offset}: expected ${at.expected}, found ${at.found}`)
    this.name = "ProtobufError"
    this.reason = reason
    this.offset = at.offset
    this.expected = at.expected
    this.found = at.found
  }
}

/** A field's content: a varint, or bytes (of fixed length 4 or 8, or with their own length). */
type Entry = { readonly offset: number } & (
  | { readonly wire: 0; readonly integer: bigint }
  | { readonly wire: 1 | 2 | 5; readonly bytes: Uint8Array }
)

const torn = (offset: number, expected: string, found: string) =>
  new ProtobufError("Torn", { offset, expected, found })

const malformed = (offset: number, expected: string, found: string) =>
  new ProtobufError("Malformed", { offset, expected, found })

const utf8 = new TextDecoder()

/** The deepest nesting that is read; more is an attack, not a graph. */
const depthLimit = 60

/** Walks over bytes; every step is checked against their end. */
class Cursor {
  at = 0
  readonly #bytes: Uint8Array
  readonly #base: number

  constructor(bytes: Uint8Array, base: number) {
    this.#bytes = bytes
    this.#base = base
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length
  }

  get offset(): number {
    return this.#base + this.at
  }

  /** A varint of at most ten bytes, as 64 bits without sign. */
  varint(): bigint {
    const start = this.offset
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.at]
      if (byte === undefined) throw torn(start, "a whole number", "the end of the bytes")
      this.at += 1
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw malformed(start, "a whole number of at most ten bytes", "a longer one")
  }

  take(count: number): Uint8Array {
    const left = this.#bytes.length - this.at
    if (count > left) throw torn(this.offset, `${count} bytes`, `${left}`)
    this.at += count
    return this.#bytes.subarray(this.at - count, this.at)
  }

  entry(wire: number): Entry {
    const { offset } = this
    if (wire === 0) return { wire, offset, integer: this.varint() }
    if (wire === 1 || wire === 5) return { wire, offset, bytes: this.take(wire === 1 ? 8 : 4) }
    if (wire !== 2) throw malformed(offset, "a field of wire type 0, 1, 2 or 5", `type ${wire}`)
    const length = Number(this.varint())
    return { wire, offset: this.offset, bytes: this.take(length) }
  }
}

/** One message. A field that is not there is read as protocol buffers say: zero or empty. */
export class Fields {
  readonly #entries = new Map<number, Array<Entry>>()
  readonly #depth: number
  /** Where the message begins. */
  readonly offset: number

  constructor(bytes: Uint8Array, offset = 0, depth = 0) {
    this.offset = offset
    this.#depth = depth
    if (depth > depthLimit)
      throw malformed(offset, `at most ${depthLimit} messages in each other`, "more")
    const cursor = new Cursor(bytes, offset)
    while (!cursor.isAtEnd) {
      const start = cursor.offset
      const tag = cursor.varint()
      const field = Number(tag >> 3n)
      if (field === 0) throw malformed(start, "a field", "field 0")
      const entry = cursor.entry(Number(tag & 7n))
      const list = this.#entries.get(field)
      if (list === undefined) this.#entries.set(field, [entry])
      else list.push(entry)
    }
  }

  has(field: number): boolean {
    return this.#entries.has(field)
  }

  /** The last integer of a field, as a signed 64-bit number; 0 if there is none. */
  integer(field: number): bigint {
    return this.integers(field).at(-1) ?? 0n
  }

  /** All integers of a field, also packed ones. */
  integers(field: number): ReadonlyArray<bigint> {
    const result: Array<bigint> = []
    for (const entry of this.#all(field)) {
      if (entry.wire === 0) result.push(BigInt.asIntN(64, entry.integer))
      else {
        const cursor = new Cursor(this.#bytesOf(entry, [2]), entry.offset)
        while (!cursor.isAtEnd) result.push(BigInt.asIntN(64, cursor.varint()))
      }
    }
    return result
  }

  /** The bytes of all entries of a field of fixed-width numbers, packed or not, one after another. */
  fixed(field: number, width: 4 | 8): Uint8Array {
    const single = width === 4 ? 5 : 1
    const parts = this.#all(field).map((entry) => this.#bytesOf(entry, [2, single]))
    const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      result.set(part, at)
      at += part.length
    }
    if (result.length % width !== 0)
      throw malformed(this.offset, `numbers of ${width} bytes`, `${result.length} bytes`)
    return result
  }

  /** The last content of a field, in place; undefined if there is none. */
  bytes(field: number): { readonly bytes: Uint8Array; readonly offset: number } | undefined {
    const entry = this.#all(field).at(-1)
    return entry && { bytes: this.#bytesOf(entry, [2]), offset: entry.offset }
  }

  text(field: number): string {
    return this.texts(field).at(-1) ?? ""
  }

  texts(field: number): ReadonlyArray<string> {
    return this.#all(field).map((entry) => utf8.decode(this.#bytesOf(entry, [2])))
  }

  messages(field: number): ReadonlyArray<Fields> {
    return this.#all(field).map(
      (entry) => new Fields(this.#bytesOf(entry, [2]), entry.offset, this.#depth + 1)
    )
  }

  #all(field: number): ReadonlyArray<Entry> {
    return this.#entries.get(field) ?? []
  }

  #bytesOf(entry: Entry, wires: ReadonlyArray<number>): Uint8Array {
    if (entry.wire !== 0 && wires.includes(entry.wire)) return entry.bytes
    throw malformed(entry.offset, `wire type ${wires.join(" or ")}`, `type ${entry.wire}`)
  }
}
