/** Reading models that somebody else wrote, and refusing what is none. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fc from "fast-check"
import { Onnx, OnnxFile, OnnxTensor, Op, Safetensors } from "../src/index.ts"
import { Message } from "../src/Protobuf.ts"

const read = (bytes: Uint8Array) => OnnxFile.read(bytes, "model.onnx")

const x = Op.input("x", [2, 3])
const table = Op.constant([1.5, -2, 3, 4, 5, 6], [3, 2])
const logits = Op.multiply(Op.matMul(x, table), 0.5)
const outputs = { logits, first: Op.argMax(Op.rmsNorm(logits, Op.constant([1, 1], [2]), 1e-6)) }
const ours = Onnx.encode(outputs)

const raw = (name: string, code: number, shape: ReadonlyArray<number>, bytes: Iterable<number>) => {
  const message = new Message().text(8, name).integer(2, code).bytes(9, Uint8Array.from(bytes))
  for (const length of shape) message.integer(1, length)
  return message
}

const value = (name: string, axes: ReadonlyArray<number | string>) => {
  const shape = new Message()
  for (const axis of axes)
    shape.message(
      1,
      typeof axis === "number" ? new Message().integer(1, axis) : new Message().text(2, axis)
    )
  const tensor = new Message().integer(1, 1).message(2, shape)
  return new Message().text(1, name).message(2, new Message().message(1, tensor))
}

const listed = new Message()
  .text(8, "listed")
  .integer(2, 1)
  .integer(1, 3)
  .bytes(4, new Uint8Array(Float32Array.of(1, 2.5).buffer))
  .float(4, -3)
const longs = new Message()
  .text(8, "longs")
  .integer(2, 7)
  .integer(1, 2)
  .integer(7, 5)
  .integer(7, -6)
const halves = new Message().text(8, "halves").integer(2, 10).integer(1, 1).integer(5, 0x3e00)
const entry = (key: string, said: string) => new Message().text(1, key).text(2, said)
const elsewhere = (location: string) =>
  new Message()
    .text(8, "elsewhere")
    .integer(2, 1)
    .integer(1, 2)
    .integer(14, 1)
    .message(13, entry("location", location))
    .message(13, entry("offset", "4"))
    .message(13, entry("length", "8"))

const tensors = {
  signed: raw("signed", 22, [2, 2], [0xf1, 0x87]),
  unsigned: raw("unsigned", 21, [3], [0xf1, 0x07]),
  brains: raw("brains", 16, [2], [0xc0, 0x3f, 0x00, 0xc0]),
  bytes: raw("bytes", 3, [2], [255, 1]),
  listed,
  longs,
  halves
}

const axis = new Message().text(1, "axis").integer(3, -1).integer(20, 2)
const sizes = new Message().text(1, "sizes").integer(8, 1).integer(8, 2).integer(20, 7)
const inner = new Message()
  .text(2, "body")
  .message(1, new Message().text(4, "Identity").text(1, "a").text(2, "b"))
const body = new Message().text(1, "body").message(6, inner).integer(20, 5)
const node = new Message()
  .text(1, "x")
  .text(1, "longs")
  .text(2, "y")
  .text(3, "n")
  .text(4, "Strange")
  .text(7, "our.own")
  .message(5, axis)
  .message(5, sizes)
  .message(5, body)

const modelOf = (...weights: ReadonlyArray<Message>) => {
  const graph = new Message().text(2, "foreign").message(1, node)
  for (const weight of weights) graph.message(5, weight)
  graph.message(11, value("x", ["batch_size", 3])).message(12, value("y", []))
  return new Message()
    .integer(1, 8)
    .text(2, "by hand")
    .message(7, graph)
    .message(8, new Message().text(1, "our.own").integer(2, 1))
    .message(8, new Message().integer(2, 17))
    .finish()
}

describe("an ONNX file of ours", () => {
  it.effect("is read as it was written", () =>
    Effect.gen(function* () {
      const contents = yield* read(ours)
      assert.deepStrictEqual(contents.opsets, { "": 21, "com.microsoft": 1 })
      assert.deepStrictEqual(contents.inputs, { x: { type: "float32", shape: [2, 3] } })
      assert.deepStrictEqual(contents.outputs, {
        logits: { type: "float32", shape: [2, 2] },
        first: { type: "int64", shape: [2] }
      })
      const found = Object.values(contents.initializers)
      const weight = found.find(({ shape }) => shape.join() === "3,2")
      assert.deepStrictEqual(
        weight && OnnxTensor.floats(weight),
        Float32Array.of(1.5, -2, 3, 4, 5, 6)
      )
      const product = contents.nodes.find(({ op }) => op === "Gemm")
      assert.deepStrictEqual(
        [product?.inputs[0], product?.attributes],
        ["x", { transA: { int: 0n }, transB: { int: 0n }, alpha: { float: 1 } }]
      )
    })
  )
})

describe("an ONNX file of somebody else", () => {
  it.effect("gives its weights, whatever their type and form", () =>
    Effect.gen(function* () {
      const { initializers } = yield* read(modelOf(...Object.values(tensors)))
      const numbers = Object.fromEntries(
        Object.entries(initializers).map(([name, tensor]) => [name, [...OnnxTensor.floats(tensor)]])
      )
      assert.deepStrictEqual(numbers, {
        signed: [1, -1, 7, -8],
        unsigned: [1, 15, 7],
        brains: [1.5, -2],
        bytes: [-1, 1],
        listed: [1, 2.5, -3],
        longs: [5, -6],
        halves: [1.5]
      })
      const { longs: exact } = initializers
      assert.deepStrictEqual(exact && OnnxTensor.integers(exact), BigInt64Array.of(5n, -6n))
    })
  )

  it.effect("gives its graph: axes by name, attributes, graphs in nodes", () =>
    Effect.gen(function* () {
      const { initializers, ...graph } = yield* read(modelOf())
      assert.deepStrictEqual(initializers, {})
      const empty = { initializers: {}, inputs: {}, outputs: {} }
      const one = { name: "", op: "Identity", domain: "", inputs: ["a"], outputs: ["b"] }
      assert.deepStrictEqual(graph, {
        name: "foreign",
        producer: "by hand",
        opsets: { "our.own": 1, "": 17 },
        inputs: { x: { type: "float32", shape: ["batch_size", 3] } },
        outputs: { y: { type: "float32", shape: [] } },
        nodes: [
          {
            name: "n",
            op: "Strange",
            domain: "our.own",
            inputs: ["x", "longs"],
            outputs: ["y"],
            attributes: {
              axis: { int: -1n },
              sizes: { ints: [1n, 2n] },
              body: { graph: { ...empty, name: "body", nodes: [{ ...one, attributes: {} }] } }
            }
          }
        ]
      })
    })
  )

  it.effect("gets weights that lie in another file from whoever can read it", () =>
    Effect.gen(function* () {
      const contents = yield* read(modelOf(elsewhere("model.onnx_data"), listed))
      const asked: Array<OnnxTensor.External> = []
      const all = yield* OnnxFile.withExternal(contents, "model.onnx", (external) => {
        asked.push(external)
        return Effect.succeed(new Uint8Array(Float32Array.of(7, 8).buffer))
      })
      const { elsewhere: weight } = all.initializers
      assert.deepStrictEqual(weight && OnnxTensor.floats(weight), Float32Array.of(7, 8))
      assert.deepStrictEqual(asked, [{ location: "model.onnx_data", offset: 4, length: 8 }])
    })
  )

  for (const location of ["../secret", "/etc/passwd", "a/../../b", "C:\\x", "..\\x"])
    it.effect(`is refused weights outside of its folder: ${location}`, () =>
      Effect.gen(function* () {
        const contents = yield* read(modelOf(elsewhere(location)))
        const nothing = () => Effect.die("was read")
        const error = yield* Effect.flip(OnnxFile.withExternal(contents, "model.onnx", nothing))
        assert.deepStrictEqual([error.reason, error.found], ["External", location])
      })
    )

  it.effect("is refused weights of another length than it says", () =>
    Effect.gen(function* () {
      const contents = yield* read(modelOf(elsewhere("data")))
      const short = () => Effect.succeed(new Uint8Array(5))
      const error = yield* Effect.flip(OnnxFile.withExternal(contents, "model.onnx", short))
      assert.match(error.message, /byte 4: expected 8 bytes of weights elsewhere in data, found 5/)
    })
  )
})

const deep = () => {
  let graph = new Message().text(2, "innermost")
  for (let level = 0; level < 100; level++) {
    const attribute = new Message().text(1, "body").message(6, graph).integer(20, 5)
    graph = new Message().message(1, new Message().text(4, "If").message(5, attribute))
  }
  return new Message().message(7, graph).finish()
}

const refusals: ReadonlyArray<readonly [string, Uint8Array, string, RegExp]> = [
  ["nothing", new Uint8Array(0), "Foreign", /byte 0: expected a model with a graph, found none/],
  [
    "JSON",
    new TextEncoder().encode('{"a":1}'),
    "Malformed",
    /wire type 0, 1, 2 or 5, found type 3/
  ],
  ["safetensors", Safetensors.encode({}), "Malformed", /no ONNX model/],
  [
    "a graph without versions",
    new Message().message(7, new Message().text(2, "g")).finish(),
    "Foreign",
    /expected the version of the operators "", found none/
  ],
  ["a text that lacks a byte", Uint8Array.of(0x12, 2, 0x61), "Torn", /expected 2 bytes, found 1/],
  [
    "an operator of a set without version",
    new Message()
      .message(7, new Message().message(1, node))
      .message(8, new Message().integer(2, 17))
      .finish(),
    "Foreign",
    /expected the version of the operators "our.own"/
  ],
  ["graphs within graphs without end", deep(), "Malformed", /at most 60 messages in each other/],
  [
    "weights of a type that nobody knows",
    modelOf(raw("w", 99, [1], [0])),
    "Unsupported",
    /expected weights w of float32, .*found ONNX's type 99/
  ],
  [
    "weights of another length than their shape",
    modelOf(raw("w", 1, [2, 2], [0, 0, 0, 0])),
    "Misshapen",
    /byte \d+: expected 16 bytes of w, float32 \[2, 2\], found 4/
  ],
  ["a negative axis", modelOf(raw("w", 1, [-1], [])), "Malformed", /a shape of w, found \[-1\]/],
  [
    "a number that does not end",
    new Uint8Array(12).fill(255),
    "Malformed",
    /byte 0: expected a whole number of at most ten bytes/
  ]
]

describe("what is no ONNX file", () => {
  for (const [what, bytes, reason, message] of refusals)
    it.effect(`is refused: ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(read(bytes))
        assert.strictEqual(error.reason, reason)
        assert.match(error.message, message)
        assert.match(error.message, /^model\.onnx, byte/)
      })
    )

  const foreign = modelOf(...Object.values(tensors))

  it("is refused wherever it is torn; only what is after the graph may be missing", () => {
    for (const whole of [ours, foreign]) {
      const { opsets: _, ...all } = Effect.runSync(read(whole))
      for (let length = 0; length < whole.length; length++) {
        const exit = Effect.runSyncExit(read(whole.subarray(0, length)))
        if (Exit.isFailure(exit)) {
          const error = Effect.runSync(Effect.flip(read(whole.subarray(0, length))))
          assert.include(["Torn", "Foreign"], error.reason)
        } else {
          const { opsets: __, ...found } = exit.value
          assert.deepStrictEqual(found, all)
        }
      }
    }
  })

  it("is read or refused, never a crash, whichever of its bytes are others", () =>
    fc.assert(
      fc.property(
        fc.constantFrom(ours, foreign),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (whole, changes) => {
          const bytes = Uint8Array.from(whole)
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte
          const exit = Effect.runSyncExit(read(bytes))
          if (Exit.isFailure(exit)) Effect.runSync(Effect.flip(read(bytes)))
          else Object.values(exit.value.initializers).forEach(OnnxTensor.floats)
        }
      ),
      { numRuns: 2000 }
    ))
})
