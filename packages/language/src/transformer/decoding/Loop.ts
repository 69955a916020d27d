/**
 * The model that says up to N tokens per row in one run: each step reads the last token, samples the
 * next and goes on, inside ONNX's Loop. With N = 1 it is the step of one token, which allows another
 * mask at each.
 *
 * B rows, N steps, V vocabulary, S stop tokens per row, J steps done.
 */
import type { Model, Parameters } from "@dreamgym/graph"
import type { Config } from "../Config.ts"
import * as Layers from "./Layers.ts"
import { constants, Nodes } from "./Nodes.ts"
import * as Past from "./Past.ts"
import * as Sampler from "./Sampler.ts"

/** What is known before it is written. */
export interface Options {
  readonly config: Config
  readonly parameters: Parameters.Parameters
  /** The number of rotary positions. */
  readonly positions: number
  /** Whether it has the input `allowed` and the output `possible`, both [.., B, V] bool. */
  readonly isMasked: boolean
}

const inputs = {
  steps: { shape: [], type: "int64" },
  isOn: { shape: [], type: "bool" },
  token: { shape: [-1], type: "int64" },
  length: { shape: [-1], type: "int64" },
  limit: { shape: [-1], type: "int64" },
  stops: { shape: [-1], type: "int64" },
  uniforms: { shape: [-1], type: "float32" }
} as const satisfies { readonly [name: string]: Model.Described }

/**
 * Inputs: `steps` (N), `isOn` (true), `token` [B], the last one of each row, which the cache lacks,
 * `length` [B] of what it has, `limit` [B] (tokens wanted), `stops` [B * S] (-1: none), `uniforms`
 * [N * B], those of `Sampler` and the cache. The run ends early when every row has met a stop or its
 * limit; what a row says after that means nothing.
 * Outputs: `tokens`, `logProbabilities` and, with a value head, `values` [J * B]; the new keys
 * and values [B, K, J, E] of each layer.
 */
export const model = (options: Options) => {
  const { config, isMasked } = options
  const nodes = new Nodes()
  declare(nodes, options)
  const past = Past.declare(nodes, config)
  Layers.angleTables(nodes, config, options.positions)
  const carried = layerNames(config, (at) => Past.newNamesOf(at))
  const scanned = scansOf(options).map(({ name }) => name)
  nodes.model.node({
    op: "Loop",
    inputs: ["steps", "isOn", "token", noneDone(nodes), ...empty(nodes, config)],
    outputs: ["last token", "was done", ...carried, ...scanned],
    attributes: { body: { graph: body(nodes, options, past).graph } }
  })
  for (const name of carried)
    nodes.model.output(name, { shape: Past.newShapeOf(config), type: "float32" })
  for (const { name, shape, type } of scansOf(options))
    nodes.model.output(name, { shape: ["J", ...shape], type })
  const ports = Past.portsOf(config)
  const mask = { shape: [-1, config.vocabularySize], type: "bool" } as const
  const found = { shape: [-1], type: "float32" } as const
  return {
    bytes: nodes.model.finish(),
    inputs: {
      ...Sampler.ports,
      ...inputs,
      ...ports.inputs,
      ...(isMasked ? { allowed: mask } : {})
    },
    outputs: {
      tokens: { shape: [-1], type: "int64" },
      logProbabilities: found,
      ...(config.hasValue ? { values: found } : {}),
      ...(isMasked ? { possible: mask } : {}),
      ...ports.outputs
    }
  } as const satisfies Model.Model
}

const declare = (nodes: Nodes, { config, isMasked }: Options): void => {
  for (const [name, { shape, type }] of Object.entries(inputs))
    nodes.model.input(name, { shape: shape.map(() => `${name}'s`), type })
  Sampler.declare(nodes.model)
  if (isMasked) nodes.model.input("allowed", { shape: ["B", config.vocabularySize], type: "bool" })
}

/** What each step adds to, by its name outside. */
const scansOf = ({ config, isMasked }: Options) => [
  { name: "tokens", shape: ["B"], type: "int64" } as const,
  { name: "logProbabilities", shape: ["B"], type: "float32" } as const,
  ...(config.hasValue ? [{ name: "values", shape: ["B"], type: "float32" } as const] : []),
  ...(isMasked
    ? [{ name: "possible", shape: ["B", config.vocabularySize], type: "bool" } as const]
    : [])
]

const layerNames = (config: Config, of: (layer: number) => Layers.KeysAndValues) =>
  Past.layersOf(config).flatMap((layer) => [of(layer).keys, of(layer).values])

const noneDone = (nodes: Nodes): string => nodes.op("Less", ["length", nodes.integer(0)])

/** No new keys and values yet. */
const empty = (nodes: Nodes, config: Config): ReadonlyArray<string> => {
  const { headDimension: width, keyValueHeads: heads } = config
  const sizes = [nodes.length("length", 0), nodes.integers(heads, 1, 0, width)]
  const none = nodes.op("Expand", [nodes.floats(0), nodes.concat(sizes, 0)])
  return Past.layersOf(config).flatMap(() => [none, none])
}

/** One step. What it has of earlier steps it gets as it gave it; all else lies outside. */
const body = (outer: Nodes, options: Options, past: ReadonlyArray<Layers.KeysAndValues>): Nodes => {
  const { config } = options
  const mask = Layers.pastMask(outer, "length", "places")
  const rows = outer.length("length", 0)
  const byStep = outer.concat([outer.integers(-1), rows], 0)
  const uniforms = outer.op("Reshape", ["uniforms", byStep])
  const byRow = outer.concat([rows, outer.integers(-1)], 0)
  const stops = outer.op("Reshape", ["stops", byRow])
  const nodes = outer.inside("step ")
  const names = layerNames(config, (at) => ({ keys: `so far k.${at}`, values: `so far v.${at}` }))
  receive(nodes, config, names)
  const position = nodes.op("Min", [
    nodes.op("Add", ["length", "step"]),
    nodes.integer(options.positions - 1)
  ])
  const site: Layers.Site = {
    config,
    nodes,
    constant: constants(outer.model, options.parameters),
    has: Layers.having(options.parameters),
    positions: nodes.op("Unsqueeze", [position, nodes.integers(1)]),
    isSingle: true,
    pastMask: mask
  }
  const said = through(site, past)
  const state = Layers.norm(site, "model.norm", said.x)
  const chosen = Sampler.choose(nodes, {
    logits: Layers.logits(site, state),
    uniform: nodes.gather(uniforms, "step"),
    ...(options.isMasked ? { allowed: "allowed" } : {})
  })
  const results = {
    tokens: nodes.op("Identity", [chosen.token]),
    logProbabilities: chosen.logProbability,
    values: config.hasValue ? nodes.reshape(Layers.linear(site, state, "value_head"), -1) : "",
    possible: chosen.possible
  }
  finish(nodes, config, { token: chosen.token, stops, fresh: said.fresh })
  for (const { name, shape, type } of scansOf(options))
    nodes.graph.output(results[name], { shape, type })
  return nodes
}

const receive = (nodes: Nodes, config: Config, names: ReadonlyArray<string>): void => {
  nodes.graph.input("step", { shape: [], type: "int64" })
  nodes.graph.input("goes on", { shape: [], type: "bool" })
  nodes.graph.input("now", { shape: ["B"], type: "int64" })
  nodes.graph.input("is done", { shape: ["B"], type: "bool" })
  for (const name of names)
    nodes.graph.input(name, { shape: Past.newShapeOf(config), type: "float32" })
}

/** All layers, and the new keys and values with those of the steps before. */
const through = (site: Layers.Site, past: ReadonlyArray<Layers.KeysAndValues>) => {
  const fresh: Array<Layers.KeysAndValues> = []
  let x = Layers.embed(site, "now")
  for (const [layer, cached] of past.entries()) {
    const at = `model.layers.${layer}`
    const { queries, ...now } = Layers.projected(site, at, x)
    const soFar = {
      keys: site.nodes.concat([`so far k.${layer}`, now.keys], 3),
      values: site.nodes.concat([`so far v.${layer}`, now.values], 3)
    }
    fresh.push(soFar)
    x = Layers.finished(site, at, { x, queries, past: cached, fresh: soFar })
  }
  return { x, fresh }
}

interface Step {
  readonly token: string
  /** [B, S]. */
  readonly stops: string
  readonly fresh: ReadonlyArray<Layers.KeysAndValues>
}

/** What the next step gets: whether there is one, the token, which rows are done, keys and values. */
const finish = (nodes: Nodes, config: Config, { fresh, stops, token }: Step): void => {
  const next = nodes.op("Add", ["step", nodes.integer(1)])
  const isStop = nodes.op("Equal", [nodes.reshape(token, -1, 1), stops])
  const isStopped = nodes.any(isStop, [nodes.integers(1)])
  const isFull = nodes.op("GreaterOrEqual", [next, "limit"])
  const isDone = nodes.op("Or", ["is done", nodes.op("Or", [isStopped, isFull])])
  const goesOn = nodes.any(nodes.op("Not", [isDone]), [])
  nodes.graph.output(goesOn, { shape: [], type: "bool" })
  nodes.graph.output(token, { shape: ["B"], type: "int64" })
  nodes.graph.output(isDone, { shape: ["B"], type: "bool" })
  for (const { keys, values } of fresh)
    for (const name of [keys, values])
      nodes.graph.output(name, { shape: Past.newShapeOf(config), type: "float32" })
}
