/**
 * A writer of protocol-buffer messages: varints, fixed floats and length-delimited fields.
 * It knows the wire format and no schema; ONNX's field numbers are in `Onnx`.
 * Source: protobuf.dev/programming-guides/encoding.
 */

const utf8 = new TextEncoder()

/** Arrays of at least so many bytes are kept as they are until `finish` copies them, once. */
const large = 1 << 14

/** One message being written; fields are appended in the order of the calls. */
export class Message {
  /** What comes before `#bytes`: small parts of our own, and large ones of the caller's. */
  readonly #parts: Array<Uint8Array> = []
  #bytes = new Uint8Array(256)
  #length = 0

  /** A whole number; negative ones take ten bytes. */
  integer(field: number, value: number | bigint): this {
    return this.#varint(BigInt(field << 3)).#varint(BigInt.asUintN(64, BigInt(value)))
  }

  float(field: number, value: number): this {
    this.#varint(BigInt((field << 3) | 5)).#reserve(4)
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true)
    this.#length += 4
    return this
  }

  /** A large array must not change before `finish`. */
  bytes(field: number, value: Uint8Array): this {
    return this.#header(field, value.length).#add(value)
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value))
  }

  message(field: number, value: Message): this {
    return this.#header(field, value.#size()).append(value)
  }

  /** The fields of another message after its own. */
  append(other: Message): this {
    for (const part of other.#all()) this.#add(part)
    return this
  }

  /** The bytes written so far, in an array of exactly their length. */
  finish(): Uint8Array {
    const whole = new Uint8Array(this.#size())
    let at = 0
    for (const part of this.#all()) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  }

  #all(): ReadonlyArray<Uint8Array> {
    return [...this.#parts, this.#bytes.subarray(0, this.#length)]
  }

  #size(): number {
    return this.#parts.reduce((sum, part) => sum + part.length, this.#length)
  }

  #header(field: number, length: number): this {
    return this.#varint(BigInt((field << 3) | 2)).#varint(BigInt(length))
  }

  #add(value: Uint8Array): this {
    if (value.length >= large) {
      this.#parts.push(this.#bytes.subarray(0, this.#length), value)
      this.#bytes = new Uint8Array(256)
      this.#length = 0
      return this
    }
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  #varint(value: bigint): this {
    this.#reserve(10)
    let rest = value
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 127n) | 128
    this.#bytes[this.#length++] = Number(rest)
    return this
  }

  #reserve(count: number) {
    if (this.#length + count <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}
