/** Models that our encoder did not write, run by the same pool: every element type, and free axes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Model, Session } from "../src/index.ts"
import { Message } from "../src/Protobuf.ts"

const codes: Record<Model.ElementType, number> = {
  float32: 1,
  float16: 10,
  int64: 7,
  int32: 6,
  int8: 3,
  uint8: 2,
  bool: 9
}

/** Names an axis that is not a number. */
type Axes = ReadonlyArray<number | string>

const value = (name: string, type: Model.ElementType, axes: Axes) => {
  const shape = new Message()
  for (const axis of axes)
    shape.message(
      1,
      typeof axis === "number" ? new Message().integer(1, axis) : new Message().text(2, axis)
    )
  const tensor = new Message().integer(1, codes[type]).message(2, shape)
  return new Message().text(1, name).message(2, new Message().message(1, tensor))
}

/** A model that gives its input back. */
const identity = <Type extends Model.ElementType>(type: Type, axes: Axes) => {
  const node = new Message().text(1, "x").text(2, "y").text(4, "Identity")
  const graph = new Message()
    .text(2, "identity")
    .message(1, node)
    .message(11, value("x", type, axes))
    .message(12, value("y", type, axes))
  const bytes = new Message()
    .integer(1, 10)
    .message(7, graph)
    .message(8, new Message().integer(2, 21))
    .finish()
  const described = { shape: axes.map((axis) => (typeof axis === "number" ? axis : -1)), type }
  return { bytes, inputs: { x: described }, outputs: { y: described } }
}

const arrays: { readonly [type in Model.ElementType]: Model.Arrays[type] } = {
  float32: Float32Array.of(1.5, -2),
  float16: Uint16Array.of(0x3e00, 0xc000),
  int64: BigInt64Array.of(2n ** 60n + 1n, -1n),
  int32: Int32Array.of(2 ** 30 + 1, -7),
  int8: Int8Array.of(-128, 127),
  uint8: Uint8Array.of(0, 255),
  bool: Uint8Array.of(1, 0)
}

const views: {
  readonly [type in Model.ElementType]: (memory: SharedArrayBuffer) => Model.Elements
} = {
  float32: (memory) => new Float32Array(memory),
  float16: (memory) => new Uint16Array(memory),
  int64: (memory) => new BigInt64Array(memory),
  int32: (memory) => new Int32Array(memory),
  int8: (memory) => new Int8Array(memory),
  uint8: (memory) => new Uint8Array(memory),
  bool: (memory) => new Uint8Array(memory)
}

const bytesOf = ({ buffer }: Model.Elements) => new Uint8Array(buffer)

const types = ["float32", "float16", "int64", "int32", "int8", "uint8", "bool"] as const

const pools = [
  ["a thread", Session.layer()],
  ["the caller", Session.layerInline]
] as const

for (const [where, pool] of pools)
  describe(`a model from elsewhere, in ${where}`, () => {
    it.effect(
      "takes and gives every element type, bit by bit, fed, bound and written in place",
      () =>
        Effect.gen(function* () {
          const { load } = yield* Session.SessionPool
          for (const type of types) {
            const array = arrays[type]
            const session = yield* load(identity(type, [2]))
            assert.deepStrictEqual((yield* session.run({ x: array })).y, array, type)
            const [from, to] = [0, 1].map(() => new SharedArrayBuffer(array.byteLength))
            if (from === undefined || to === undefined) continue
            new Uint8Array(from).set(bytesOf(array))
            const bound = yield* load(identity(type, [2]), { bind: { x: views[type](from) } })
            yield* bound.run({}, { y: views[type](to) })
            assert.deepStrictEqual([...new Uint8Array(to)], [...bytesOf(array)], type)
          }
        }).pipe(Effect.provide(pool))
    )

    it.effect("has as much of its free axis as it is fed", () =>
      Effect.gen(function* () {
        const { load } = yield* Session.SessionPool
        const session = yield* load(identity("float32", ["rows", 2]))
        for (const rows of [1, 3, 0]) {
          const x = Float32Array.from({ length: 2 * rows }, (_, index) => index)
          assert.deepStrictEqual((yield* session.run({ x })).y, x)
        }
        const error = yield* Effect.flip(session.run({ x: new Float32Array(3) }))
        assert.match(
          error.message,
          /input x is float32 \[-1, 2\] \(Float32Array of any length that fits\), but was given/
        )
      }).pipe(Effect.provide(pool))
    )

    it.effect("is refused where it gives something else than it was said to give", () =>
      Effect.gen(function* () {
        const { load } = yield* Session.SessionPool
        const wrong = {
          ...identity("int64", [2]),
          outputs: { y: { shape: [2], type: "float32" } }
        } as const
        const session = yield* load(wrong, { name: "the liar" })
        const error = yield* Effect.flip(session.run({ x: arrays.int64 }))
        assert.strictEqual(error.reason, "RunFailed")
        assert.match(
          error.message,
          /^the liar failed: expected were y \(float32\), found y \(BigInt64Array\)/
        )
      }).pipe(Effect.provide(pool))
    )
  })
