/**
 * A disk in memory, and a model's folder on it in Hugging Face's layout.
 * It knows no folders: a path is only a name.
 */
import { type Parameters, Safetensors } from "@dreamgym/graph"
import { ByteSize, Effect, FileSystem, Option, PlatformError, Sink, Stream } from "effect"

export type Files = Map<string, Uint8Array>

const missing = (path: string) =>
  PlatformError.systemError({
    _tag: "NotFound",
    module: "FileSystem",
    method: "readFile",
    pathOrDescriptor: path
  })

const info = {
  type: "File" as const,
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.none(),
  mode: 0,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  blksize: Option.none(),
  blocks: Option.none()
}

export const layerOf = (files: Files) =>
  FileSystem.layerNoop({
    exists: (path) => Effect.succeed(files.has(path)),
    readFile: (path) => {
      const bytes = files.get(path)
      return bytes === undefined ? Effect.fail(missing(path)) : Effect.succeed(bytes)
    },
    stat: (path) => {
      const bytes = files.get(path)
      return bytes === undefined
        ? Effect.fail(missing(path))
        : Effect.succeed({ ...info, size: ByteSize.bytes(bytes.length) })
    },
    stream: (path, options) => {
      const bytes = files.get(path)
      const [from, count] = [Number(options?.offset), Number(options?.bytesToRead)]
      return bytes === undefined
        ? Stream.fail(missing(path))
        : Stream.make(bytes.subarray(from, from + 3), bytes.subarray(from + 3, from + count))
    },
    writeFile: (path, bytes) => Effect.sync(() => void files.set(path, Uint8Array.from(bytes))),
    sink: (path) =>
      Sink.forEach((piece: Uint8Array) =>
        Effect.sync(() => {
          const before = files.get(path) ?? new Uint8Array()
          files.set(path, Uint8Array.from([...before, ...piece]))
        })
      ),
    makeDirectory: () => Effect.void
  })

export const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** The tensors of some parameters, all or those of the given names. */
export const tensorsOf = (
  { arrays, shapes }: Parameters.Parameters,
  names: ReadonlyArray<string> = Object.keys(arrays)
): { readonly [name: string]: Safetensors.Tensor } =>
  Object.fromEntries(
    names.map((name) => [
      name,
      { shape: shapes[name] ?? [], data: arrays[name] ?? new Float32Array(0) }
    ])
  )

export const weightsOf = (
  parameters: Parameters.Parameters,
  names?: ReadonlyArray<string>
): Uint8Array => Safetensors.encode(tensorsOf(parameters, names))

const words = [
  "go",
  "take",
  "the",
  "mug",
  "from",
  "shelf",
  "1",
  "2",
  ".",
  "?",
  "<s>",
  "</s>",
  "<p>"
]

/** A word-level tokenizer of 17 ids, as its files have it. */
export const tokenizer = {
  tokenizer: {
    version: "1.0",
    added_tokens: ["<s>", "</s>", "<p>"].map((content, at) => ({
      id: 10 + at,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true
    })),
    normalizer: null,
    pre_tokenizer: { type: "WhitespaceSplit" },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { "<s>": { id: "<s>", ids: [10], tokens: ["<s>"] } }
    },
    decoder: null,
    model: {
      type: "WordLevel",
      unk_token: "?",
      vocab: Object.fromEntries([...words, "a", "b", "c", "d"].map((word, id) => [word, id]))
    }
  },
  config: {
    tokenizer_class: "PreTrainedTokenizer",
    bos_token: "<s>",
    eos_token: "</s>",
    pad_token: "<p>",
    unk_token: "?",
    model_max_length: 64,
    clean_up_tokenization_spaces: false,
    chat_template:
      "{% for m in messages %}{{ m.role }} {{ m.content }} . {% endfor %}{% if add_generation_prompt %}go{% endif %}"
  }
}
