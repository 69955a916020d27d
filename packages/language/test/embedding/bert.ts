/**
 * A BERT of one layer and a few hundred numbers as a folder that transformers.js loads, and the same network as a graph of ours.
 * It has learnt nothing.
 *
 * B rows, T places, D hidden size.
 */
import { Seed } from "@dreamgym/domain"
import { Interpreter, OnnxGraph, Op, type Value } from "@dreamgym/graph"
import { Effect, FileSystem, PlatformError, Stream } from "effect"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"

const D = 8
export const dimension = D
export const maxPositions = 20
export const cls = 10
export const sep = 11

const words = ["go", "take", "the", "mug", "from", "shelf", "1", "2", ".", "[UNK]"]
const vocabulary = [...words, "[CLS]", "[SEP]", "[PAD]", "a", "b", "c", "d"]

export const idsOf = (text: string): ReadonlyArray<number> =>
  text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => (vocabulary.includes(word) ? vocabulary.indexOf(word) : 9))

export type Weights = { readonly [name: string]: { shape: Array<number>; data: Float32Array } }

const shapes = {
  words: [vocabulary.length, D],
  places: [maxPositions, D],
  kinds: [2, D],
  query: [D, D],
  key: [D, D],
  value: [D, D],
  output: [D, D],
  up: [D, 2 * D],
  down: [2 * D, D],
  gain: [D],
  bias: [D]
}

export const weightsOf = (key: number): Weights => {
  const random = Seed.generator(key)
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const size = shape.reduce((all, length) => all * length, 1)
      const data = Float32Array.from({ length: size }, () => random() * 2 - 1)
      return [name, { shape: [...shape], data }]
    })
  )
}

/** The last hidden states [T, D] of one text, computed by our interpreter in float64. */
export const statesOf = (weights: Weights, ids: ReadonlyArray<number>): Float64Array => {
  const length = ids.length
  const w = (name: string): Value.Value =>
    Op.constant(weights[name]?.data ?? [], weights[name]?.shape ?? [])
  const norm = (x: Value.Value) => Op.layerNorm(x, w("gain"), w("bias"), 1e-5)
  const embedded = Op.add(
    Op.add(
      Op.gather(w("words"), Op.constant(ids, [length], "int64")),
      Op.slice(w("places"), 0, 0, length)
    ),
    Op.slice(w("kinds"), 0, 0, 1)
  )
  const x = norm(embedded)
  const scores = Op.matMul(Op.matMul(x, w("query")), Op.matMul(x, w("key")), {
    transposeB: true,
    scale: 1 / Math.sqrt(D)
  })
  const seen = Op.matMul(Op.softmax(scores), Op.matMul(x, w("value")))
  const y = norm(Op.add(x, Op.matMul(seen, w("output"))))
  const states = norm(Op.add(y, Op.matMul(Op.gelu(Op.matMul(y, w("up"))), w("down"))))
  return Interpreter.evaluate({ states }, {}).states
}

/** The same as ONNX for any number of texts of any length, padding masked. */
export const onnxOf = (weights: Weights, output = "last_hidden_state"): Uint8Array => {
  const graph = new OnnxGraph.OnnxGraph()
  const port = { shape: ["batch_size", "sequence_length"], type: "int64" as const }
  const [ids = "", mask = "", kinds = ""] = ["input_ids", "attention_mask", "token_type_ids"].map(
    (name) => graph.input(name, port)
  )
  const known = new Set<string>()
  const w = (name: string) => {
    if (known.has(name)) return name
    known.add(name)
    const { data = [], shape = [] } = weights[name] ?? {}
    return graph.initializer(name, data, { shape, type: "float32" })
  }
  const norm = (x: string) =>
    graph.result("LayerNormalization", [x, w("gain"), w("bias")], {
      axis: { int: -1 },
      epsilon: { float: 1e-5 }
    })
  const length = graph.result("Shape", [ids], { start: { int: 1 }, end: { int: 2 } })
  const zero = graph.integers([0])
  const places = graph.result("Slice", [w("places"), zero, length, zero])
  const all = graph.result("Add", [graph.result("Gather", [w("words"), ids]), places])
  const x = norm(graph.result("Add", [all, graph.result("Gather", [w("kinds"), kinds])]))
  const times = (a: string, b: string) => graph.result("MatMul", [a, b])
  const turned = graph.result("Transpose", [times(x, w("key"))], { perm: { ints: [0, 2, 1] } })
  const scale = graph.floats([1 / Math.sqrt(D)])
  const scores = graph.result("Mul", [times(times(x, w("query")), turned), scale])
  const counts = graph.result("Cast", [mask], { to: { int: OnnxGraph.typeCodes.float32 } })
  const far = graph.result("Mul", [
    graph.result("Sub", [graph.floats([1]), counts]),
    graph.floats([-1e9])
  ])
  const penalty = graph.result("Unsqueeze", [far, graph.integers([1])])
  const shares = graph.result("Softmax", [graph.result("Add", [scores, penalty])], {
    axis: { int: -1 }
  })
  const seen = times(times(shares, times(x, w("value"))), w("output"))
  const y = norm(graph.result("Add", [x, seen]))
  const inner = times(graph.result("Gelu", [times(y, w("up"))]), w("down"))
  const last = norm(graph.result("Add", [y, inner]))
  graph.node({ op: "Identity", inputs: [last], outputs: [output] })
  graph.output(output, { shape: ["batch_size", "sequence_length", D], type: "float32" })
  return graph.finish()
}

/** A network that adds to each state the largest id of all that is read together, as rounding by range does. */
export const onnxOfRange = (): Uint8Array => {
  const graph = new OnnxGraph.OnnxGraph()
  const shape = ["batch_size", "sequence_length"]
  const ids = graph.input("input_ids", { shape, type: "int64" })
  const numbers = graph.result("Cast", [ids], { to: { int: OnnxGraph.typeCodes.float32 } })
  const most = graph.result("ReduceMax", [numbers], { keepdims: { int: 0 } })
  const states = graph.result("Unsqueeze", [
    graph.result("Add", [numbers, most]),
    graph.integers([2])
  ])
  graph.node({ op: "Identity", inputs: [states], outputs: ["last_hidden_state"] })
  graph.output("last_hidden_state", { shape: [...shape, 1], type: "float32" })
  return graph.finish()
}

const special = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true
})

const template = (id: string) => ({ SpecialToken: { id, type_id: 0 } })

const tokenizer = {
  version: "1.0",
  added_tokens: [special("[CLS]", cls), special("[SEP]", sep), special("[PAD]", 12)],
  normalizer: null,
  pre_tokenizer: { type: "WhitespaceSplit" },
  post_processor: {
    type: "TemplateProcessing",
    single: [template("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, template("[SEP]")],
    pair: [],
    special_tokens: {
      "[CLS]": { id: "[CLS]", ids: [cls], tokens: ["[CLS]"] },
      "[SEP]": { id: "[SEP]", ids: [sep], tokens: ["[SEP]"] }
    }
  },
  decoder: null,
  model: {
    type: "WordLevel",
    unk_token: "[UNK]",
    vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id]))
  }
}

/** The files of the folder by their names. */
export const files = (onnx: Uint8Array, dtype = ""): { [name: string]: string | Uint8Array } => ({
  "config.json": JSON.stringify({
    model_type: "bert",
    hidden_size: D,
    max_position_embeddings: maxPositions
  }),
  "tokenizer.json": JSON.stringify(tokenizer),
  "tokenizer_config.json": JSON.stringify({
    tokenizer_class: "BertTokenizer",
    cls_token: "[CLS]",
    sep_token: "[SEP]",
    pad_token: "[PAD]",
    unk_token: "[UNK]",
    model_max_length: 1e30,
    clean_up_tokenization_spaces: false
  }),
  [`onnx/model${dtype}.onnx`]: onnx
})

/** A folder with some files, which goes with the scope. */
export const folderOf = Effect.fnUntraced(function* (contents: {
  readonly [name: string]: string | Uint8Array
}) {
  const place = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(`${tmpdir()}/embedder-`)),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  const folder = `${place}/tiny`
  mkdirSync(`${folder}/onnx`, { recursive: true })
  for (const [name, content] of Object.entries(contents))
    writeFileSync(`${folder}/${name}`, content)
  return folder
})

const reading = <A>(path: string, read: () => A) =>
  existsSync(path)
    ? Effect.sync(read)
    : Effect.fail(
        PlatformError.systemError({
          _tag: "NotFound",
          module: "FileSystem",
          method: "read",
          pathOrDescriptor: path
        })
      )

/** As much of the disk as an embedder reads. */
export const disk = FileSystem.layerNoop({
  exists: (path) => Effect.sync(() => existsSync(path)),
  readDirectory: (path) => reading(path, () => readdirSync(path)),
  stream: (path) => Stream.fromEffect(reading(path, () => new Uint8Array(readFileSync(path))))
})
