/**
 * The files of somebody's ONNX model in Hugging Face's layout: which there must be, and the hash of all that decides.
 * It reads no weights into memory and knows no network; transformers.js loads them.
 */
import { Embedder } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"

/** The files that transformers.js knows of one model, by how their weights are kept. */
export type Dtype = "fp32" | "fp16" | "q8" | "int8" | "uint8" | "q4" | "q4f16" | "bnb4"

/** The end of the file's name (transformers.js, `DEFAULT_DTYPE_SUFFIX_MAPPING`). */
const suffixes: { readonly [dtype in Dtype]: string } = {
  fp32: "",
  fp16: "_fp16",
  q8: "_quantized",
  int8: "_int8",
  uint8: "_uint8",
  q4: "_q4",
  q4f16: "_q4f16",
  bnb4: "_bnb4"
}

/**
 * Whether texts must be read one by one: files of eight bits round activations by the range of all that is read together, so
 * that a vector would depend on its neighbours.
 */
export const readsAlone: { readonly [dtype in Dtype]: boolean } = {
  fp32: false,
  fp16: false,
  q8: true,
  int8: true,
  uint8: true,
  q4: false,
  q4f16: false,
  bnb4: false
}

/** 16 hexadecimal digits of the SHA-256 of a folder's files; `Refused` where one is missing or cannot be read. */
export const fingerprint = Effect.fn("ModelFiles.fingerprint")(function* (
  folder: string,
  dtype: Dtype
): Effect.fn.Return<string, Embedder.EmbedderError, FileSystem.FileSystem> {
  const hash = createHash("sha256")
  for (const file of yield* namesOf(folder, dtype)) {
    hash.update(`\n${file}\n`)
    yield* readInto(`${folder}/${file}`, (bytes) => hash.update(bytes))
  }
  return hash.digest("hex").slice(0, 16)
})

const needed = ["config.json", "tokenizer.json"]

/** The files that decide; large weights lie beside the model's file, under its name and `_data`. */
const namesOf = Effect.fnUntraced(function* (folder: string, dtype: Dtype) {
  const files = yield* FileSystem.FileSystem
  const model = `model${suffixes[dtype]}.onnx`
  const weights = yield* files
    .readDirectory(`${folder}/onnx`)
    .pipe(Effect.mapError(unread(`${folder}/onnx`)))
  const beside = weights.filter((name) => name.startsWith(`${model}_data`)).toSorted()
  const settings = "tokenizer_config.json"
  const hasSettings = yield* files
    .exists(`${folder}/${settings}`)
    .pipe(Effect.mapError(unread(`${folder}/${settings}`)))
  return [
    ...needed,
    ...(hasSettings ? [settings] : []),
    ...[model, ...beside].map((name) => `onnx/${name}`)
  ]
})

const readInto = Effect.fnUntraced(function* (file: string, update: (bytes: Uint8Array) => void) {
  const files = yield* FileSystem.FileSystem
  yield* files.stream(file).pipe(
    Stream.runForEach((bytes) => Effect.sync(() => update(bytes))),
    Effect.mapError(unread(file))
  )
})

const unread =
  (file: string) =>
  ({ message, reason }: { readonly message: string; readonly reason: { readonly _tag: string } }) =>
    new Embedder.EmbedderError({
      reason: "Refused",
      embedder: "transformers-js",
      message:
        reason._tag === "NotFound"
          ? `${file}: there is no such file; check the path and \`dtype\`, and that the whole folder was fetched`
          : `${file}: cannot be read: ${message}; check its permissions`
    })
