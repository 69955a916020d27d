/**
 * The versions of what a result may depend on: node, the runtime of the models, and our own packages.
 */
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"

const Manifest = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** Name to version; "unknown" where a package cannot be found. */
export const versions: Effect.Effect<
  Readonly<Record<string, string>>,
  never,
  FileSystem.FileSystem
> = Effect.gen(function* () {
  return {
    dreamgym: yield* versionIn(Effect.sync(() => fileURLToPath(ownManifest))),
    node: process.versions.node,
    effect: yield* versionIn(manifestOf("effect")),
    "onnxruntime-node": yield* versionIn(manifestOf("onnxruntime-node"))
  }
})

/** It lies beside `src` and beside `dist`. */
const ownManifest = new URL("../package.json", import.meta.url)

const manifestOf = (name: string) =>
  Effect.try(() => createRequire(import.meta.url).resolve(`${name}/package.json`))

const versionIn = <E>(file: Effect.Effect<string, E>) =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const text = yield* fileSystem.readFileString(yield* file)
    return (yield* Schema.decodeUnknownEffect(Manifest)(text)).version
  }).pipe(Effect.orElseSucceed(() => "unknown"))
