/**
 * The decoder of Hugging Face's Llama family once more: one text, float64, loops over numbers.
 * It follows transformers' `modeling_*.py` and shares nothing with the network but the configuration.
 */
import type { Transformer } from "../../src/index.ts"

type Vector = ReadonlyArray<number>
type Tensors = Readonly<Record<string, ArrayLike<number>>>

const range = (length: number) => Array.from({ length }, (_, index) => index)
const at = (values: ArrayLike<number>, index: number) => values[index] ?? Number.NaN
const dot = (left: Vector, right: Vector) =>
  left.reduce((sum, x, index) => sum + x * at(right, index), 0)
const plus = (left: Vector, right: Vector) => left.map((x, index) => x + at(right, index))

const erf = (x: number): number => {
  // The series converges for the small arguments of these tests.
  let [term, sum] = [x, x]
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

const activations = {
  swiglu: (x: number) => x / (1 + Math.exp(-x)),
  gelu: (x: number) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x: number) =>
    (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
}

/** Logits [T][V] and values [T] of one text; `positions` are 0 to T - 1 unless given. */
export const forward = (
  config: Transformer.Config.Config,
  tensors: Tensors,
  ids: ReadonlyArray<number>,
  positions: ReadonlyArray<number> = range(ids.length)
) => {
  const { headDimension: width, heads, keyValueHeads } = config
  const tensor = (name: string) => {
    const found = tensors[name]
    if (found === undefined) throw new Error(`no ${name}`)
    return found
  }
  const row = (name: string, index: number, length: number) =>
    range(length).map((column) => at(tensor(name), index * length + column))
  const linear = (name: string, x: Vector) => {
    const outputs = tensor(`${name}.weight`).length / x.length
    const bias = tensors[`${name}.bias`]
    return range(outputs).map(
      (out) =>
        dot(row(`${name}.weight`, out, x.length), x) + (bias === undefined ? 0 : at(bias, out))
    )
  }
  const norm = (name: string, x: Vector) => {
    const mean =
      config.norm === "layer"
        ? dot(
            x,
            x.map(() => 1)
          ) / x.length
        : 0
    const centred = x.map((one) => one - mean)
    const deviation = Math.sqrt(dot(centred, centred) / x.length + config.normEpsilon)
    return centred.map(
      (one, index) =>
        (one / deviation) * at(tensor(`${name}.weight`), index) +
        (config.norm === "layer" ? at(tensor(`${name}.bias`), index) : 0)
    )
  }
  const turned = (x: Vector, position: number) =>
    x.map((one, index) => {
      const half = width / 2
      const pair = index % half
      const angle = position * config.ropeTheta ** (-pair / half)
      const other = index < half ? -at(x, index + half) : at(x, index - half)
      return one * Math.cos(angle) + other * Math.sin(angle)
    })
  let states: ReadonlyArray<Vector> = ids.map((id) =>
    row("model.embed_tokens.weight", id, config.hiddenSize)
  )
  for (const layer of range(config.layers)) {
    const name = `model.layers.${layer}`
    const read = states.map((x) => norm(`${name}.input_layernorm`, x))
    const headsOf = (which: "q" | "k" | "v", count: number) =>
      read.map((x, t) => {
        const all = linear(`${name}.self_attn.${which}_proj`, x)
        return range(count).map((head) => {
          const own = all.slice(head * width, (head + 1) * width)
          if (which === "v") return own
          const normed = config.queryKeyNorm ? norm(`${name}.self_attn.${which}_norm`, own) : own
          return turned(normed, at(positions, t))
        })
      })
    const [q, k, v] = [
      headsOf("q", heads),
      headsOf("k", keyValueHeads),
      headsOf("v", keyValueHeads)
    ]
    const attended = range(ids.length).map((t) =>
      range(heads).flatMap((head) => {
        const shared = Math.floor(head / (heads / keyValueHeads))
        const scores = range(t + 1).map((s) =>
          Math.exp(dot(q[t]?.[head] ?? [], k[s]?.[shared] ?? []) / Math.sqrt(width))
        )
        const total = scores.reduce((sum, score) => sum + score, 0)
        return range(width).map((e) =>
          scores.reduce((sum, score, s) => sum + (score / total) * at(v[s]?.[shared] ?? [], e), 0)
        )
      })
    )
    const seen = states.map((x, t) =>
      plus(x, linear(`${name}.self_attn.o_proj`, attended[t] ?? []))
    )
    states = seen.map((x) => {
      const y = norm(`${name}.post_attention_layernorm`, x)
      const act = activations[config.mlp]
      const gated = (): Vector => {
        const up = linear(`${name}.mlp.up_proj`, y)
        return linear(`${name}.mlp.gate_proj`, y).map((gate, index) => act(gate) * at(up, index))
      }
      const out =
        config.mlp === "swiglu"
          ? linear(`${name}.mlp.down_proj`, gated())
          : linear(`${name}.mlp.c_proj`, linear(`${name}.mlp.c_fc`, y).map(act))
      return plus(x, out)
    })
  }
  const last = states.map((x) => norm("model.norm", x))
  const head = config.tieEmbeddings ? "model.embed_tokens" : "lm_head"
  return {
    logits: last.map((x) => linear(head, x)),
    values: config.hasValue ? last.map((x) => at(linear("value_head", x), 0)) : []
  }
}
