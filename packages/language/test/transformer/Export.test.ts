import { assert, describe, it } from "@effect/vitest"
import { OnnxFile, Op, Safetensors, Session } from "@dreamgym/graph"
import { AutoModelForCausalLM, AutoTokenizer, env } from "@huggingface/transformers"
import { Effect, FileSystem, Record, Result } from "effect"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { Transformer } from "../../src/index.ts"
import { type Files, layerOf, tokenizer } from "./disk.ts"
import { configOf, ids, noisy, readings, relatives } from "./small.ts"

const { Export, Folder } = Transformer

const specialIds = { bos: 10, eos: [11], pad: 12 }
const most = 24

const disk = FileSystem.layerNoop({
  makeDirectory: (path) => Effect.sync(() => void mkdirSync(path, { recursive: true })),
  writeFile: (path, bytes) => Effect.sync(() => writeFileSync(path, bytes))
})

/** A folder that goes with the scope. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(`${tmpdir()}/export-`)),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** What transformers.js makes of the prompts, padded on the left to one length. */
const theirs = Effect.fnUntraced(function* (
  model: Transformer.Export.Model,
  prompts: ReadonlyArray<string>
) {
  const directory = yield* folder
  yield* Export.write(`${directory}/tiny`, model).pipe(Effect.provide(disk))
  return yield* Effect.promise(async () => {
    env.allowRemoteModels = false
    env.localModelPath = `${directory}/`
    const words = await AutoTokenizer.from_pretrained("tiny")
    words.padding_side = "left"
    const network = await AutoModelForCausalLM.from_pretrained("tiny", {
      dtype: "fp32",
      device: "cpu"
    })
    const inputs = words([...prompts], { padding: true, add_special_tokens: false })
    const outputs = await network.generate({ ...inputs, max_new_tokens: 12, do_sample: false })
    assert.isTrue("tolist" in outputs)
    const rows: Array<Array<bigint>> = "tolist" in outputs ? outputs.tolist() : []
    await network.dispose()
    return rows.map((row) => words.decode(row, { skip_special_tokens: true }))
  })
})

/** What our network says, read anew for each token. */
const ours = Effect.fnUntraced(function* (model: Transformer.Export.Model, prompt: string) {
  const { config, parameters } = model
  const words = yield* Transformer.HubTokenizer.make(tokenizer)
  const pool = yield* Session.SessionPool
  const graph = readings(config, { ids: ids(1, most) })
  const next = Op.argMax(graph["logits"] ?? Op.constant(0))
  const { "value_head.weight": _, "value_head.bias": __, ...bind } = parameters.arrays
  const session = yield* pool.compile({ next }, { bind })
  const text = [...words.encode(prompt)]
  const end = text.length + 12
  while (text.length < end) {
    const padded = [...text, ...new Array<number>(most - text.length).fill(0)]
    const run = yield* session.run({ ids: BigInt64Array.from(padded, BigInt) })
    const id = run.next[text.length - 1] ?? -1
    text.push(id)
    if (id === 11) break
  }
  return words.decode(text)
})

const prompts = ["take the mug from shelf", "go"]

describe("an exported folder", () => {
  for (const [name, config] of Object.entries(relatives)) {
    it.effect(`of ${name} makes transformers.js say what our network says, padded or not`, () =>
      Effect.gen(function* () {
        const own = { ...config, headDimension: 16, specialIds }
        const model = { config: own, parameters: noisy(own, 5, 1.2), tokenizer }
        const expected = yield* Effect.forEach(prompts, (prompt) => ours(model, prompt))
        assert.deepStrictEqual(yield* theirs(model, prompts.slice(0, 1)), expected.slice(0, 1))
        assert.deepStrictEqual(yield* theirs(model, prompts), expected)
        assert.isAbove(new Set(expected.join(" ").split(" ")).size, 4)
      }).pipe(Effect.scoped, Effect.provide(Session.layerInline))
    )
  }

  it.effect("is read back as it was, by the safetensors and by its files", () =>
    Effect.gen(function* () {
      const config = { ...configOf({ hasValue: true }), specialIds }
      const model = { config, parameters: noisy(config), tokenizer }
      const files: Files = new Map()
      const read = yield* Effect.provide(
        Effect.andThen(Export.write("a", model, { hasOnnx: false }), Folder.load("a")),
        layerOf(files)
      )
      assert.deepStrictEqual(read.config, config)
      assert.deepStrictEqual({ ...read.parameters.arrays }, { ...model.parameters.arrays })
      assert.deepStrictEqual(read.tokenizer, tokenizer)
      const bytes = files.get("a/model.safetensors") ?? new Uint8Array()
      const { metadata } = yield* Safetensors.decode(bytes, "model.safetensors")
      assert.deepStrictEqual(metadata, { format: "pt" })
      assert.deepStrictEqual(
        [...files.keys()].toSorted(),
        [
          "config.json",
          "generation_config.json",
          "model.safetensors",
          "tokenizer.json",
          "tokenizer_config.json"
        ].map((name) => `a/${name}`)
      )
    })
  )

  it.effect("has lengths by the names that transformers.js knows, and each weight once", () =>
    Effect.gen(function* () {
      const config = configOf({ layers: 1, vocabularySize: 4000 })
      const bytes = Transformer.OnnxDecoder.encode(config, noisy(config))
      const { inputs, outputs } = yield* OnnxFile.read(bytes, "model.onnx")
      const shapesOf = (ports: typeof inputs) => Record.map(ports, ({ shape }) => shape)
      const past = ["batch_size", 2, "past_sequence_length", 4]
      const present = ["batch_size", 2, "total_sequence_length", 4]
      assert.deepStrictEqual(shapesOf(inputs), {
        input_ids: ["batch_size", "sequence_length"],
        attention_mask: ["batch_size", "total_sequence_length"],
        "past_key_values.0.key": past,
        "past_key_values.0.value": past
      })
      assert.deepStrictEqual(shapesOf(outputs), {
        "present.0.key": present,
        "present.0.value": present,
        logits: ["batch_size", "sequence_length", 4000]
      })
      const numbers = 4 * Transformer.Cost.parameters(config)
      assert.isBelow(bytes.length, 1.1 * numbers)
    })
  )

  it("is not begun with the parameters of another network, nor beyond what one file can hold", () => {
    const config = configOf()
    const files: Files = new Map()
    const refusal = (model: Transformer.Export.Model) =>
      Effect.runSync(Effect.flip(Export.write("a", model).pipe(Effect.provide(layerOf(files)))))
    assert.deepInclude(refusal({ config, parameters: noisy(configOf({ layers: 1 })) }), {
      reason: "MisshapenTensor",
      tensor: "model.layers.1.input_layernorm.weight",
      expected: "[12]",
      found: "nothing"
    })
    assert.deepInclude(refusal({ config, parameters: noisy(config) }), {
      reason: "Unsupported",
      found: "4"
    })
    const long = configOf({ headDimension: 16, maxPositions: 2 ** 30 })
    assert.deepInclude(refusal({ config: long, parameters: noisy(long) }), {
      reason: "TooLarge",
      file: "a/onnx/model.onnx"
    })
    assert.isTrue(Result.isSuccess(Transformer.HubConfig.encode(long)))
    assert.strictEqual(files.size, 0)
  })
})
