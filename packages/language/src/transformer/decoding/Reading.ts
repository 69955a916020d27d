/**
 * The model that reads several tokens per row into the cache: prompts, and what is said to a text
 * between its own words. It computes no logits: the last token is left to `Loop`.
 *
 * B rows, T tokens of the longest one; shorter ones are padded on the right, where nothing is seen.
 */
import type { Model, Parameters } from "@dreamgym/graph"
import type { Config } from "../Config.ts"
import * as Layers from "./Layers.ts"
import { constants, Nodes } from "./Nodes.ts"
import * as Past from "./Past.ts"

/**
 * Inputs: `ids` [B * T], `length` [B] (tokens in the cache already), the cache. Outputs: the new keys
 * and values [B, K, T, E] of each layer. `positions` is the number of rotary positions.
 */
export const model = (config: Config, parameters: Parameters.Parameters, positions: number) => {
  const nodes = new Nodes()
  nodes.model.input("ids", { shape: ["N"], type: "int64" })
  nodes.model.input("length", { shape: ["B"], type: "int64" })
  const past = Past.declare(nodes, config)
  Layers.angleTables(nodes, config, positions)
  const site = siteOf(nodes, config, parameters, positions)
  let x = Layers.embed(site, "ids")
  for (const layer of Past.layersOf(config)) {
    const at = `model.layers.${layer}`
    const { queries, ...fresh } = Layers.projected(site, at, x)
    give(nodes, config, layer, fresh)
    const cached = past[layer]
    if (cached !== undefined && layer + 1 < config.layers)
      x = Layers.finished(site, at, { x, queries, past: cached, fresh })
  }
  const ports = Past.portsOf(config)
  return {
    bytes: nodes.model.finish(),
    inputs: {
      ...ports.inputs,
      ids: { shape: [-1], type: "int64" },
      length: { shape: [-1], type: "int64" }
    },
    outputs: ports.outputs
  } as const satisfies Model.Model
}

const siteOf = (
  nodes: Nodes,
  config: Config,
  parameters: Parameters.Parameters,
  positions: number
): Layers.Site => {
  const rows = nodes.length("length", 0)
  const count = nodes.op("Div", [nodes.length("ids", 0), rows])
  const steps = nodes.range(count)
  const first = nodes.reshape("length", -1, 1)
  const last = nodes.integer(positions - 1)
  const isLater = nodes.op("Greater", [steps, nodes.reshape(steps, -1, 1)])
  return {
    config,
    nodes,
    constant: constants(nodes.model, parameters),
    has: Layers.having(parameters),
    positions: nodes.op("Min", [nodes.op("Add", [first, steps]), last]),
    isSingle: false,
    pastMask: Layers.pastMask(nodes, "length", "places"),
    newMask: nodes.op("Where", [isLater, nodes.floats(Number.NEGATIVE_INFINITY), nodes.floats(0)])
  }
}

const give = (nodes: Nodes, config: Config, layer: number, fresh: Layers.KeysAndValues) => {
  const [names, shape] = [Past.newNamesOf(layer), Past.newShapeOf(config)]
  for (const which of ["keys", "values"] as const) {
    nodes.model.node({ op: "Identity", inputs: [fresh[which]], outputs: [names[which]] })
    nodes.model.output(names[which], { shape, type: "float32" })
  }
}
