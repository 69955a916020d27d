/**
 * Low-rank adapters on a frozen network (Hu et al. 2021): W x + (alpha / rank) B A x, with A and B learnt.
 * There is no dropout. How adapters are kept on disk is `LoraFiles`.
 *
 * D inputs and E outputs of a layer, R rank, N rows.
 */
import { Initializer, Op, Parameters, Shape } from "@dreamgym/graph"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Config } from "./Config.ts"
import { type Linear, type Weights, linearNames, shapes } from "./Network.ts"

/** Which layers get adapters, and of what size. */
export interface Lora {
  readonly rank: number
  /** The adapters' output counts alpha / rank times. */
  readonly alpha: number
  /** Ends of layer names, as PEFT has them: "q_proj" is that of every layer. */
  readonly targets: ReadonlyArray<string>
  /** Whether the output counts alpha / sqrt(rank) times instead (Kalajdzievski 2023). */
  readonly isRankStabilised?: boolean
}

/** Adapters that do not fit a network, or files of adapters that are none. */
export class LoraError extends Schema.TaggedError<LoraError>()("LoraError", {
  reason: Schema.Literals(["Unsupported", "NoTarget", "BadRank", "Misfit"]),
  field: Schema.String,
  message: Schema.String
}) {}

/** The linear layers inside the blocks, which is what most adapters are put on. */
export const everyLayer = (config: Config): ReadonlyArray<string> => [
  ...new Set(
    linearNames(config)
      .filter((name) => name !== "lm_head")
      .map((name) => name.slice(name.lastIndexOf(".") + 1))
  )
]

const isTarget =
  ({ targets }: Lora) =>
  (name: string): boolean =>
    targets.some((target) => name === target || name.endsWith(`.${target}`))

/** The adapters' settings themselves if the network has such layers. */
export const checked = (config: Config, lora: Lora): Result.Result<Lora, LoraError> => {
  const names = linearNames(config)
  const stranger = lora.targets.find(
    (target) => !names.some((name) => name === target || name.endsWith(`.${target}`))
  )
  if (stranger !== undefined || lora.targets.length === 0)
    return Result.fail(
      new LoraError({
        reason: "NoTarget",
        field: "targets",
        message:
          `no linear layer is called ${stranger ?? "by an empty list"}; there are ` +
          [...everyLayer(config), ...(names.includes("lm_head") ? ["lm_head"] : [])].join(", ")
      })
    )
  const isWhole = Number.isSafeInteger(lora.rank) && lora.rank > 0
  return isWhole && Number.isFinite(lora.alpha)
    ? Result.succeed(lora)
    : Result.fail(
        new LoraError({
          reason: "BadRank",
          field: "rank",
          message: `rank is ${lora.rank} and alpha ${lora.alpha}; rank must be whole and above 0`
        })
      )
}

/** What the adapters' output is multiplied with. */
export const scaleOf = ({ alpha, rank, isRankStabilised = false }: Lora): number =>
  alpha / (isRankStabilised ? Math.sqrt(rank) : rank)

const [ofA, ofB] = ["lora_A.weight", "lora_B.weight"]

/**
 * The adapters: `NAME.lora_A.weight` [R, D], uniform as PEFT begins it, and `NAME.lora_B.weight` [E, R],
 * zeros, so that at first the network is its base.
 */
export const specifications = (config: Config, lora: Lora): Parameters.Specifications => {
  const all = shapes(config)
  return Object.assign(
    {},
    ...linearNames(config)
      .filter(isTarget(lora))
      .map((name) => {
        const [outputs = 0, inputs = 0] = all[`${name}.weight`] ?? []
        const bound = 1 / Math.sqrt(inputs)
        return {
          [`${name}.${ofA}`]: {
            shape: [lora.rank, inputs],
            initial: Initializer.uniform(-bound, bound)
          },
          [`${name}.${ofB}`]: { shape: [outputs, lora.rank], initial: Initializer.zeros }
        }
      })
  )
}

/** The base's linear layers with the adapters added to those that have them. */
export const linear =
  (lora: Lora, adapters: Weights, base: Linear): Linear =>
  (name, x) => {
    const [a, b] = [adapters[`${name}.${ofA}`], adapters[`${name}.${ofB}`]]
    const product = base(name, x)
    if (a === undefined || b === undefined) return product
    const inner = Op.matMul(x, a, { transposeB: true })
    return Op.add(product, Op.matMul(inner, b, { transposeB: true, scale: scaleOf(lora) }))
  }

/**
 * The base with the adapters added to its weights, in memory of its own. Merging and unmerging leaves
 * the base but for the rounding of float32.
 */
export const merge = (
  lora: Lora,
  base: Parameters.Parameters,
  adapters: Parameters.Parameters
): Parameters.Parameters => added(base, adapters, scaleOf(lora))

/** Merged parameters with the adapters taken out again. */
export const unmerge = (
  lora: Lora,
  merged: Parameters.Parameters,
  adapters: Parameters.Parameters
): Parameters.Parameters => added(merged, adapters, -scaleOf(lora))

const added = (
  base: Parameters.Parameters,
  adapters: Parameters.Parameters,
  scale: number
): Parameters.Parameters => {
  const result = Parameters.copy(base)
  for (const [name, a] of Object.entries(adapters.arrays)) {
    if (!name.endsWith(`.${ofA}`)) continue
    const layer = name.slice(0, -ofA.length - 1)
    const target = result.arrays[`${layer}.weight`]
    const b = adapters.arrays[`${layer}.${ofB}`]
    const [rank = 0, inputs = 0] = adapters.shapes[name] ?? []
    const outputs = (b?.length ?? 0) / rank
    if (target === undefined || b === undefined || target.length !== outputs * inputs)
      throw new Shape.ShapeError(
        "merge",
        [adapters.shapes[name] ?? [], result.shapes[`${layer}.weight`] ?? []],
        `the base has no layer ${layer} of that size: take the adapters of this network`
      )
    addProduct(target, b, a, { rank, inputs, scale })
  }
  return result
}

/** target[E, D] += scale * b[E, R] a[R, D]; each sum is made in float64 and rounded once. */
const addProduct = (
  target: Float32Array,
  b: Float32Array,
  a: Float32Array,
  {
    rank,
    inputs,
    scale
  }: { readonly rank: number; readonly inputs: number; readonly scale: number }
): void => {
  const row = new Float64Array(inputs)
  for (let start = 0; start < target.length; start += inputs) {
    row.set(target.subarray(start, start + inputs))
    for (let r = 0; r < rank; r++) {
      const share = scale * (b[(start / inputs) * rank + r] ?? 0)
      for (let at = 0; at < inputs; at++)
        row[at] = (row[at] ?? 0) + share * (a[r * inputs + at] ?? 0)
    }
    target.set(row, start)
  }
}
