/** `dreamgym model summary`: what a model consists of, and what a token costs in it. */
import * as OnnxTensor from "@dreamgym/graph/OnnxTensor"
import * as Parameters from "@dreamgym/graph/Parameters"
import * as Shape from "@dreamgym/graph/Shape"
import * as Transformer from "@dreamgym/language/transformer/index"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as ModelFiles from "../ModelFiles.ts"
import * as Output from "../Output.ts"
import { directory } from "./Resume.ts"

/** A file of weights with its totals. */
interface Network extends ModelFiles.Weights {
  readonly parameters: number
  readonly bytes: number
}

/**
 * Floating-point operations per token. `length` is that of the texts where attention is counted; by
 * the rule of 2 and 6 per parameter it is not.
 */
interface Cost {
  readonly forward: number
  readonly training: number
  readonly length?: number
  readonly cacheBytes?: number
}

const summary = Command.make(
  "summary",
  {
    model: Argument.String("model").pipe(
      Argument.withDescription("Folder, run, checkpoint, or .safetensors or .onnx file")
    ),
    directory,
    length: Flag.Int("length").pipe(
      Flag.withDescription("Tokens of a text, for the cost of attention (default: 256)"),
      Flag.filter(
        (count) => count >= 1,
        (count) => `--length is ${count}; it must be at least 1`
      ),
      Flag.withDefault(256)
    )
  },
  Effect.fn("ModelSummary.run")(function* (given) {
    const located = yield* ModelFiles.locate(given.model, given.directory)
    const networks = yield* Effect.forEach(located.files, (file) =>
      Effect.map(ModelFiles.read(file), withTotals)
    )
    const cost =
      located.kind === "transformer"
        ? costOf(yield* Transformer.Folder.configOf(located.path), given.length)
        : undefined
    const { kind, path, config } = located
    const costs = networks.map((network) => cost ?? ruleOf(network))
    const answer = {
      path,
      kind,
      ...(config === undefined ? {} : { config }),
      networks: networks.map((network, index) => jsonOf(network, costs[index] ?? {}))
    }
    yield* Output.answer(answer, [
      `${path} (${kind})`,
      ...networks.flatMap((network, index) => ["", ...linesOf(network, costs[index])])
    ])
  })
).pipe(
  Command.withDescription("Count a model's parameters, bytes, and operations per token"),
  Command.withExamples([
    { command: "dreamgym model summary household-1", description: "The networks of a run" },
    { command: "dreamgym model summary ./llama --json", description: "A Hugging Face folder" }
  ])
)

export const model = Command.make("model").pipe(Command.withSubcommands([summary]))

const withTotals = (weights: ModelFiles.Weights): Network => ({
  ...weights,
  parameters: weights.tensors.reduce((sum, { shape }) => sum + Shape.product(shape), 0),
  bytes: weights.tensors.reduce((sum, tensor) => sum + OnnxTensor.sizeOf(tensor), 0)
})

const costOf = (config: Transformer.Config.Config, length: number): Cost => ({
  forward: Transformer.Cost.forward(config, length),
  training: Transformer.Cost.training(config, length),
  length,
  cacheBytes: Transformer.Cost.cacheBytes(config)
})

/** The usual rule: each parameter multiplies each token once, and three times that with the gradient. */
const ruleOf = ({ parameters }: Network): Cost => ({
  forward: 2 * parameters,
  training: 6 * parameters
})

const jsonOf = ({ bytes, file, operators, parameters, tensors }: Network, cost: object) => ({
  file,
  parameters,
  bytes,
  flopsPerToken: { ...cost },
  ...(operators === undefined ? {} : { operators: { ...operators } }),
  tensors: tensors.map(({ name, shape, type }) => ({
    name,
    type,
    shape: [...shape],
    parameters: Shape.product(shape)
  }))
})

const { amount } = ReportText

const linesOf = (network: Network, cost: Cost | undefined): ReadonlyArray<string> => {
  const { bytes, file, operators, parameters, tensors } = network
  const shapes = Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]))
  const types = [...new Set(tensors.map(({ type }) => type))].join(", ") || "no weights"
  return [
    file,
    Parameters.summary({ shapes }),
    `${amount(parameters)} parameters, ${amount(bytes)} bytes (${types})`,
    ...(cost === undefined ? [] : [costLine(cost)]),
    ...(operators === undefined ? [] : [operatorLine(operators)])
  ]
}

const costLine = ({ cacheBytes, forward, length, training }: Cost) =>
  length === undefined
    ? `about ${amount(forward)} operations per token, ${amount(training)} in training (2 and 6 per parameter)`
    : `${amount(forward)} operations per token, ${amount(training)} in training, in texts of ${length} tokens; ` +
      `${amount(cacheBytes ?? 0)} bytes of cache per token`

const operatorLine = (operators: Readonly<Record<string, number>>) =>
  Object.entries(operators)
    .toSorted(([, a], [, b]) => b - a)
    .map(([op, count]) => `${count} ${op}`)
    .join(", ")
