/**
 * The transformer's layers over new tokens that also see cached ones, written as ONNX nodes.
 * It is the network of `Network` for use only: no gradients, and its weights are constants.
 *
 * B rows, T new tokens of each, N = B * T, J new tokens seen, C cache places, D hidden size, H heads,
 * K heads of keys and values, G = H / K, E head dimension.
 */
import type { Parameters } from "@dreamgym/graph"
import { type Config, frequencies } from "../Config.ts"
import { type Constants, float, int, type Nodes } from "./Nodes.ts"

/** What all layers of one model share. The masks are added to scores: 0, or minus infinity. */
export interface Site {
  readonly config: Config
  readonly nodes: Nodes
  readonly constant: Constants
  readonly has: (name: string) => boolean
  /** [B, T] int64. */
  readonly positions: string
  /** Whether T is 1 in every run. */
  readonly isSingle: boolean
  /** Of the cached places, [B, 1, 1, 1, C]. */
  readonly pastMask: string
  /** Of the new tokens, [T, J]; absent: all are seen. */
  readonly newMask?: string
}

/** Keys and values [B, K, 1, C, E] of one layer: the cache's, or of new tokens. */
export interface KeysAndValues {
  readonly keys: string
  readonly values: string
}

/** The tables of rotary positions, by the names under which `Site.nodes` finds them. */
export const angleTables = (nodes: Nodes, config: Config, positions: number): void => {
  const turns = frequencies(config)
  const shape = [positions, turns.length]
  for (const [name, of] of [["cos", Math.cos] as const, ["sin", Math.sin] as const]) {
    const table = new Float32Array(positions * turns.length)
    for (const [pair, turn] of turns.entries())
      for (let at = 0; at < positions; at++) table[at * turns.length + pair] = of(at * turn)
    nodes.model.initializer(name, table, { shape, type: "float32" })
  }
}

/** Whether a network has a parameter. */
export const having =
  ({ shapes }: Parameters.Parameters) =>
  (name: string): boolean =>
    name in shapes

/** 0 at the first `lengths` [B] of C places, minus infinity behind: [B, 1, 1, 1, C]. */
export const pastMask = (nodes: Nodes, lengths: string, places: string): string => {
  const column = nodes.reshape(lengths, -1, 1, 1, 1, 1)
  const isKept = nodes.op("Less", [nodes.range(places), column])
  return nodes.op("Where", [isKept, nodes.floats(0), nodes.floats(Number.NEGATIVE_INFINITY)])
}

/** Rows of the embedding: ids [N] -> [N, D]. */
export const embed = ({ constant, nodes }: Site, ids: string): string =>
  nodes.gather(constant("model.embed_tokens.weight"), ids)

/** Linear layers of the same input, side by side: x [N, in] -> [N, all outputs]. */
export const linear = (site: Site, x: string, ...names: ReadonlyArray<string>): string => {
  const { constant, has, nodes } = site
  const biases = names.map((name) => `${name}.bias`).filter(has)
  const weights = constant(...names.map((name) => `${name}.weight`))
  const inputs = [x, weights, ...(biases.length === 0 ? [] : [constant(...biases)])]
  return nodes.op("Gemm", inputs, { transB: int(1) })
}

/** A norm over the last axis. */
export const norm = ({ config, constant, nodes }: Site, name: string, x: string): string => {
  const attributes = { axis: int(-1), epsilon: float(config.normEpsilon) }
  const gain = constant(`${name}.weight`)
  return config.norm === "rms"
    ? nodes.op("SimplifiedLayerNormalization", [x, gain], attributes)
    : nodes.op("LayerNormalization", [x, gain, constant(`${name}.bias`)], attributes)
}

/** Scores of the next token: normed hidden states [N, D] -> [N, V]. */
export const logits = (site: Site, x: string): string =>
  site.config.tieEmbeddings ? linear(site, x, "model.embed_tokens") : linear(site, x, "lm_head")

/** Queries [B, K, G, T, E], keys and values [B, K, 1, T, E] of new tokens. */
export interface Projected extends KeysAndValues {
  readonly queries: string
}

/** What attention needs of x [N, D], the input of a layer. */
export const projected = (site: Site, at: string, x: string): Projected => {
  const { config, nodes, positions } = site
  const { headDimension: width, heads, keyValueHeads: shared } = config
  const names = ["q", "k", "v"].map((name) => `${at}.self_attn.${name}_proj`)
  const all = linear(site, norm(site, `${at}.input_layernorm`, x), ...names)
  const [turning = "", values = ""] = nodes.split(all, (heads + shared) * width, shared * width)
  const rows = perToken(site, normedHeads(site, at, turning), (heads + shared) * width)
  const tables = [rows, positions, "cos", "sin"]
  const turned = nodes.contributed("RotaryEmbedding", tables, { interleaved: int(0) })
  const [queries = "", keys = ""] = nodes.split(turned, heads * width, shared * width)
  return {
    queries: perHead(site, scaled(site, queries), heads / shared),
    keys: perHead(site, keys, 1),
    values: perHead(site, values, 1)
  }
}

/** [N, ...] as [B, T, ...shape]. */
const perToken = ({ isSingle, nodes, positions }: Site, x: string, ...shape: Array<number>) => {
  if (isSingle) return nodes.reshape(x, -1, 1, ...shape)
  const sizes = nodes.concat([nodes.op("Shape", [positions]), nodes.integers(...shape)], 0)
  return nodes.op("Reshape", [x, sizes])
}

/** [N, K * count * E] as [B, K, count, T, E]. One token needs no transposition. */
const perHead = (site: Site, x: string, count: number): string => {
  const { headDimension: width, keyValueHeads: shared } = site.config
  return site.isSingle
    ? site.nodes.reshape(x, -1, shared, count, 1, width)
    : site.nodes.transpose(perToken(site, x, shared, count, width), [0, 2, 3, 1, 4])
}

const scaled = ({ config, nodes }: Site, queries: string): string =>
  nodes.op("Mul", [queries, nodes.floats(1 / Math.sqrt(config.headDimension))])

/** Queries and keys [N, (H + K) * E], each head normed where the network does so. */
const normedHeads = (site: Site, at: string, x: string): string => {
  const { config, nodes } = site
  if (!config.queryKeyNorm) return x
  const { headDimension: width, heads, keyValueHeads: shared } = config
  const parts = nodes.split(x, heads * width, shared * width)
  const normed = parts.map((part, which) => {
    const name = `${at}.self_attn.${which === 0 ? "q" : "k"}_norm`
    const count = which === 0 ? heads : shared
    return nodes.reshape(norm(site, name, nodes.reshape(part, -1, count, width)), -1, count * width)
  })
  return nodes.concat(normed, -1)
}

/**
 * The rest of a layer: attention of the queries to cached and new tokens, then the MLP, both added to
 * x [N, D].
 */
export const finished = (
  site: Site,
  at: string,
  {
    fresh,
    past,
    queries,
    x
  }: {
    readonly x: string
    readonly queries: string
    readonly past: KeysAndValues
    readonly fresh: KeysAndValues
  }
): string => {
  const { config, nodes } = site
  const merged = attended(site, queries, past, fresh)
  const inOrder = site.isSingle ? merged : nodes.transpose(merged, [0, 3, 1, 2, 4])
  const flat = nodes.reshape(inOrder, -1, config.heads * config.headDimension)
  const seen = nodes.op("Add", [x, linear(site, flat, `${at}.self_attn.o_proj`)])
  const read = norm(site, `${at}.post_attention_layernorm`, seen)
  return nodes.op("Add", [seen, mlps[config.mlp](site, `${at}.mlp`, read)])
}

/**
 * Queries [B, K, G, T, E] -> [B, K, G, T, E]. The cache is only read: appending to it inside the model
 * would copy it at every run.
 */
const attended = (site: Site, queries: string, past: KeysAndValues, fresh: KeysAndValues) => {
  const { newMask, nodes, pastMask: mask } = site
  const old = nodes.op("Add", [scores(nodes, queries, past.keys), mask])
  const plain = scores(nodes, queries, fresh.keys)
  const young = newMask === undefined ? plain : nodes.op("Add", [plain, newMask])
  const shares = nodes.softmax(nodes.concat([old, young], -1))
  const places = nodes.length(past.keys, 3)
  const ofOld = nodes.lastAxis(shares, nodes.integers(0), places)
  const ofYoung = nodes.lastAxis(shares, places, nodes.integers(2 ** 31))
  return nodes.op("Add", [
    nodes.op("MatMul", [ofOld, past.values]),
    nodes.op("MatMul", [ofYoung, fresh.values])
  ])
}

/** Products of each row with each row: of one query, 0.8 of the time that keys in columns take. */
const scores = (nodes: Nodes, queries: string, keys: string): string =>
  nodes.contributed("FusedMatMul", [queries, keys], { transB: int(1) })

type Mlp = (site: Site, at: string, x: string) => string

const plainMlp =
  (approximate: "none" | "tanh"): Mlp =>
  (site, at, x) => {
    const wide = linear(site, x, `${at}.c_fc`)
    const bent = site.nodes.op("Gelu", [wide], { approximate: { text: approximate } })
    return linear(site, bent, `${at}.c_proj`)
  }

const mlps: { readonly [kind in Config["mlp"]]: Mlp } = {
  swiglu: (site, at, x) => {
    const { config, nodes } = site
    const both = linear(site, x, `${at}.gate_proj`, `${at}.up_proj`)
    const [gate = "", up = ""] = nodes.split(both, config.intermediateSize, config.intermediateSize)
    const open = nodes.contributed("QuickGelu", [gate], { alpha: float(1) })
    return linear(site, nodes.op("Mul", [open, up]), `${at}.down_proj`)
  },
  gelu: plainMlp("none"),
  geluTanh: plainMlp("tanh")
}
