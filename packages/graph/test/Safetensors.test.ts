import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Safetensors } from "../src/index.ts"

const tensors = fc.dictionary(
  fc.string({ minLength: 1 }).filter((name) => name !== "__proto__"),
  fc.array(fc.float({ noNaN: true }), { maxLength: 6 }).map((numbers) => ({
    shape: [1, numbers.length],
    data: Float32Array.from(numbers)
  })),
  { maxKeys: 4 }
)

const decode = (bytes: Uint8Array) => Safetensors.decode(bytes, "model.safetensors")

/** A file written by hand: a header and the bytes after it. */
const file = (header: unknown, data: ReadonlyArray<number> = []) => {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header)
  )
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer)
  return Uint8Array.from([...length, ...text, ...data])
}

const entry = (dtype: string, shape: ReadonlyArray<number>, end: number) => ({
  weight: { dtype, shape, data_offsets: [0, end] }
})

describe("a safetensors file", () => {
  it("gives back the tensors and metadata it was written with", () =>
    fc.assert(
      fc.asyncProperty(tensors, fc.string(), async (some, note) => {
        const contents = await Effect.runPromise(decode(Safetensors.encode(some, { note })))
        assert.deepStrictEqual(contents, { tensors: { ...some }, metadata: { note } })
      }),
      { numRuns: 50 }
    ))

  it("is refused at whatever byte it is torn", () => {
    const whole = Safetensors.encode({ weight: { shape: [3], data: Float32Array.of(1, 2, 3) } })
    for (let length = 0; length < whole.length; length++) {
      const error = Effect.runSync(Effect.flip(decode(whole.subarray(0, length))))
      assert.include(["TornHeader", "TornTensor"], error.reason)
    }
  })

  it.effect("is read in half, bfloat and double precision", () =>
    Effect.gen(function* () {
      const half = yield* decode(file(entry("F16", [3], 6), [0x00, 0x3e, 0x00, 0xc0, 0x01, 0x00]))
      assert.deepStrictEqual([...(half.tensors["weight"]?.data ?? [])], [1.5, -2, 2 ** -24])
      const brain = yield* decode(file(entry("BF16", [2], 4), [0xc0, 0x3f, 0x00, 0xc0]))
      assert.deepStrictEqual([...(brain.tensors["weight"]?.data ?? [])], [1.5, -2])
      const double = [...new Uint8Array(new Float64Array([0.5]).buffer)]
      const wide = yield* decode(file(entry("F64", [1], 8), double))
      assert.deepStrictEqual([...(wide.tensors["weight"]?.data ?? [])], [0.5])
    })
  )

  it.effect("is read in whole numbers", () =>
    Effect.gen(function* () {
      const long = [...new Uint8Array(new BigInt64Array([-5n]).buffer)]
      const wide = yield* decode(file(entry("I64", [1], 8), long))
      assert.deepStrictEqual([...(wide.tensors["weight"]?.data ?? [])], [-5])
      const signed = yield* decode(file(entry("I8", [2], 2), [255, 3]))
      assert.deepStrictEqual([...(signed.tensors["weight"]?.data ?? [])], [-1, 3])
      const truths = yield* decode(file(entry("BOOL", [2], 2), [1, 0]))
      assert.deepStrictEqual([...(truths.tensors["weight"]?.data ?? [])], [1, 0])
    })
  )

  const refusals: ReadonlyArray<readonly [string, Uint8Array, RegExp]> = [
    ["BadHeader", file("{"), /model\.safetensors: the header is not JSON/],
    ["BadHeader", file({ weight: { dtype: "F32" } }), /tensor weight has no dtype, shape and data/],
    ["BadHeader", file({ __metadata__: { a: 1 } }), /metadata that is not text/],
    [
      "Misshapen",
      file(entry("F32", [3], 8), new Array(8).fill(0)),
      /F32 \[3\], which is not 8 bytes/
    ],
    ["TornTensor", file(entry("F32", [2], 8), [0, 0]), /tensor weight ends 6 bytes too late/],
    [
      "UnknownType",
      file(entry("I4", [2], 1), [0]),
      /is I4, which is not one of F32, F64, F16, BF16/
    ]
  ]
  for (const [reason, bytes, message] of refusals)
    it.effect(`names the file, the tensor and the remedy: ${message.source}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(decode(bytes))
        assert.strictEqual(error.reason, reason)
        assert.match(error.message, message)
        assert.match(error.message, /copy it again or go back to the checkpoint before/)
      })
    )
})
