/** `dreamgym export`: a transformer as a folder that transformers and transformers.js load. */
import * as Transformer from "@dreamgym/language/transformer/index"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { UsageError } from "../Failure.ts"
import * as ModelFiles from "../ModelFiles.ts"
import * as Output from "../Output.ts"
import { directory } from "./Resume.ts"

export const exportModel = Command.make(
  "export",
  {
    model: Argument.String("model").pipe(
      Argument.withDescription("Folder of a transformer: config.json and weights")
    ),
    out: Flag.String("out").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription("Folder to write; files of the same names are replaced")
    ),
    adapter: Flag.String("adapter").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription("LoRA adapters in PEFT's layout, merged into the weights"),
      Flag.optional
    ),
    onnx: Flag.Boolean("onnx").pipe(
      Flag.withDescription(
        "Write onnx/model.onnx, which transformers.js needs (default; --no-onnx leaves it out)"
      ),
      Flag.withDefault(true)
    ),
    directory
  },
  Effect.fn("Export.run")(function* (given) {
    const { resolve } = yield* Path.Path
    const out = resolve(given.out)
    const located = yield* ModelFiles.locate(given.model, given.directory)
    if (located.kind !== "transformer") return yield* notExportable(located)
    if (out === located.path)
      return yield* new UsageError({
        message: `--out is the model's own folder ${out}; give another one`
      })
    const contents = yield* Transformer.Folder.load(located.path)
    const parameters = yield* merged(contents, given.adapter)
    yield* Transformer.Export.write(out, { ...contents, parameters }, { hasOnnx: given.onnx })
    const files = yield* written(out)
    const lines = files.map(
      ({ bytes, file }) => `${ReportText.amount(bytes).padStart(15)}  ${file}`
    )
    yield* Output.answer({ out, files }, [...lines, `The model lies in ${out}`])
  })
).pipe(
  Command.withExamples([
    { command: "dreamgym export ./trained --out ./mine", description: "For transformers.js too" },
    {
      command: "dreamgym export ./llama --adapter ./lora --out ./merged",
      description: "With its adapters merged in"
    }
  ])
)

const merged = Effect.fnUntraced(function* (
  { config, parameters }: Transformer.Folder.Contents,
  adapter: Option.Option<string>
) {
  if (Option.isNone(adapter)) return parameters
  const { lora, parameters: adapters } = yield* Transformer.LoraFiles.load(adapter.value, config)
  return Transformer.Lora.merge(lora, parameters, adapters)
})

const written = Effect.fnUntraced(function* (out: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const names = (yield* fileSystem.readDirectory(out, { recursive: true })).toSorted()
  const found = yield* Effect.forEach(names, (file) =>
    Effect.map(fileSystem.stat(join(out, file)), ({ size, type }) => ({
      file,
      bytes: Number(size),
      isFile: type === "File"
    }))
  )
  return found.filter(({ isFile }) => isFile).map(({ bytes, file }) => ({ file, bytes }))
})

/** What the household's decoder reads besides ids; transformers.js has nothing to feed it with. */
const ownInputs = ["previous.word", "embedding.kind", "features.input"]

const notExportable = Effect.fnUntraced(function* ({ files, path }: ModelFiles.Located) {
  const weights = yield* Effect.forEach(files, ModelFiles.read)
  const names = new Set(weights.flatMap(({ tensors }) => tensors.map(({ name }) => name)))
  const own = ownInputs.filter((name) => names.has(name))
  const why =
    own.length > 0
      ? `it is the household's own decoder, which reads more than token ids (${own.join(", ")}): ` +
        "other programs have nothing to feed it with"
      : "it has no config.json of Hugging Face's kind that would say what its weights are"
  return yield* new ModelFiles.ModelError({
    reason: "NotExportable",
    path,
    message: `${path} cannot be exported: ${why}; export the folder of a transformer`
  })
})
