/**
 * A frozen base in four bits: the linear layers' weights packed, all else as it was (QLoRA, Dettmers et al. 2023).
 * The packed layers are not trained; adapters on them are (`Lora`).
 */
import { Op, Parameters, Quantization } from "@dreamgym/graph"
import type { Config } from "./Config.ts"
import { type Linear, type Weights, linearNames, shapes } from "./Network.ts"

/** Inputs that share a scale. */
export const block = 32

/** Parameters of which some matrices are packed. */
export interface Quantised {
  /** What is not packed: embeddings, norms, biases, the critic, and layers of an odd width. */
  readonly parameters: Parameters.Parameters
  /** By the layer's name, in shared memory. */
  readonly packed: { readonly [layer: string]: Quantization.PackedArrays }
}

/** The layers that can be packed: their inputs fill whole blocks. A head is left as it is. */
export const layersOf = (config: Config): ReadonlyArray<string> => {
  const all = shapes(config)
  return linearNames(config).filter(
    (name) => name !== "lm_head" && (all[`${name}.weight`]?.[1] ?? 0) % block === 0
  )
}

/** Packs a network's layers. */
export const quantise = (config: Config, parameters: Parameters.Parameters): Quantised => {
  const layers = layersOf(config)
  const isPacked = new Set(layers.map((name) => `${name}.weight`))
  const rest = Object.fromEntries(
    Object.entries(parameters.shapes).filter(([name]) => !isPacked.has(name))
  )
  const kept = Parameters.zeros(rest)
  for (const [name, array] of Object.entries(kept.arrays)) array.set(parameters.arrays[name] ?? [])
  const pack = (name: string) => {
    const weight = `${name}.weight`
    const array = parameters.arrays[weight] ?? new Float32Array(0)
    return shared(Quantization.quantize(array, parameters.shapes[weight] ?? [], block))
  }
  return { parameters: kept, packed: Object.fromEntries(layers.map((name) => [name, pack(name)])) }
}

/** In memory that every thread may read, so that a session binds it. */
const shared = ({ packed, scales }: Quantization.PackedArrays): Quantization.PackedArrays => {
  const bytes = new Uint8Array(new SharedArrayBuffer(packed.byteLength))
  const numbers = new Float32Array(new SharedArrayBuffer(scales.byteLength))
  bytes.set(packed)
  numbers.set(scales)
  return { packed: bytes, scales: numbers }
}

/** The network's parameters with the numbers that the bits stand for. */
export const dequantise = (
  config: Config,
  { packed, parameters }: Quantised
): Parameters.Parameters => {
  const whole = Parameters.zeros(shapes(config))
  for (const [name, array] of Object.entries(whole.arrays)) {
    const bits = packed[name.replace(/\.weight$/, "")]
    array.set(bits === undefined ? (parameters.arrays[name] ?? []) : Quantization.dequantize(bits))
  }
  return whole
}

const [bitsOf, scalesOf] = ["qweight", "scales"]

/** The graph inputs of the packed layers: `NAME.qweight`, `NAME.scales`. */
export const inputs = (config: Config): Weights => {
  const all = shapes(config)
  return Object.assign(
    {},
    ...layersOf(config).map((name) => {
      const [outputs = 0, width = 0] = all[`${name}.weight`] ?? []
      return {
        [`${name}.${bitsOf}`]: Op.input(
          `${name}.${bitsOf}`,
          [outputs, width / block, block / 2],
          "uint8"
        ),
        [`${name}.${scalesOf}`]: Op.input(`${name}.${scalesOf}`, [outputs, width / block])
      }
    })
  )
}

/** What `inputs` and the parameters that are not packed are fed with. */
export const feeds = ({
  packed,
  parameters
}: Quantised): { readonly [name: string]: Float32Array | Uint8Array } =>
  Object.assign(
    { ...parameters.arrays },
    ...Object.entries(packed).map(([name, bits]) => ({
      [`${name}.${bitsOf}`]: bits.packed,
      [`${name}.${scalesOf}`]: bits.scales
    }))
  )

/** Linear layers that multiply packed weights where there are some; else `base`. */
export const linear =
  (weights: Weights, base: Linear): Linear =>
  (name, x) => {
    const [packed, scales] = [weights[`${name}.${bitsOf}`], weights[`${name}.${scalesOf}`]]
    if (packed === undefined || scales === undefined) return base(name, x)
    const product = Op.matMulNBits(x, { packed, scales })
    const bias = weights[`${name}.bias`]
    return bias === undefined ? product : Op.add(product, bias)
  }

/** Bytes of the packed layers, and what they would take as float32. */
export const bytes = (
  quantised: Quantised
): { readonly packed: number; readonly float32: number } => {
  const all = Object.values(quantised.packed)
  return {
    packed: all.reduce((sum, one) => sum + one.packed.byteLength + one.scales.byteLength, 0),
    float32: all.reduce((sum, one) => sum + one.packed.length * 2 * 4, 0)
  }
}
