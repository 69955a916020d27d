/**
 * A writer of protocol-buffer messages: varints, fixed floats and length-delimited fields.
 * It knows the wire format and no schema; ONNX's field numbers are in `Onnx`.
 * Source: protobuf.dev/programming-guides/encoding.
 */

const utf8 = new TextEncoder()

/** One message being written; fields are appended in the order of the calls. */
export class Message {
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

  bytes(field: number, value: Uint8Array): this {
    this.#varint(BigInt((field << 3) | 2)).#varint(BigInt(value.length))
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value))
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.finish())
  }

  /** The fields of another message after its own. */
  append(other: Message): this {
    const more = other.finish()
    this.#reserve(more.length)
    this.#bytes.set(more, this.#length)
    this.#length += more.length
    return this
  }

  /** The bytes written so far. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
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
