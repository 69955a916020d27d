/**
 * Choosing one token per row inside a model: temperature, masks, top-k, top-p, min-p, and the
 * log-probability under exactly the distribution that was sampled.
 * It draws no random numbers: uniforms come in.
 *
 * B rows, V vocabulary.
 */
import type { Model, OnnxGraph } from "@dreamgym/graph"
import { int, Nodes } from "./Nodes.ts"

/**
 * How one row is sampled. Filters remove tokens in the order of transformers' `generate`: all but the
 * `topK` most probable (0: none removed), then those outside the smallest set of probability `topP`,
 * then those less probable than `minP` times the best. Tokens that tie with the last one kept stay.
 */
export interface Sampling {
  /** 0 takes the most probable token; its log-probability is then that at temperature 1. */
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
}

/** Plain sampling. */
export const plain: Sampling = { temperature: 1, topK: 0, topP: 1, minP: 0 }

/** Names of what is sampled from, [B] each unless said otherwise. */
export interface Inputs {
  /** [B, V]. */
  readonly logits: string
  /** In [0, 1). */
  readonly uniform: string
  /** [B, V] bool; absent: all tokens may be chosen. */
  readonly allowed?: string
}

/** Names of what was chosen: [B] int64, [B], and [B, V] bool: what could have been chosen. */
export interface Outputs {
  readonly token: string
  readonly logProbability: string
  readonly possible: string
}

/** What each row's sampling is fed as. */
export const ports = {
  temperature: { shape: [-1], type: "float32" },
  logMinP: { shape: [-1], type: "float32" },
  topK: { shape: [-1], type: "int64" },
  topP: { shape: [-1], type: "float32" },
  /** Whether any row has temperature 0, and any another. */
  isGreedy: { shape: [], type: "bool" },
  isRandom: { shape: [], type: "bool" },
  /** Whether any row uses topK or topP: sorting costs more than all the rest. */
  isSorted: { shape: [], type: "bool" },
  /** The places of the order that any row needs. */
  sorted: { shape: [1], type: "int64" }
} as const satisfies { readonly [name: string]: Model.Described }

/** The values of `ports` for these rows. */
export const feedsOf = (rows: ReadonlyArray<Sampling>, vocabularySize: number) => {
  const keptOf = ({ topK }: Sampling) =>
    topK > 0 ? Math.min(topK, vocabularySize) : vocabularySize
  const needed = rows.map((row) => (isFiltered(row) ? keptOf(row) : 1))
  return {
    temperature: Float32Array.from(rows, ({ temperature }) => temperature),
    logMinP: Float32Array.from(rows, ({ minP }) => Math.log(minP)),
    topK: BigInt64Array.from(rows, (row) => BigInt(isFiltered(row) ? keptOf(row) : 1)),
    topP: Float32Array.from(rows, (row) => (isFiltered(row) ? row.topP : everything)),
    isGreedy: truth(rows.some(({ temperature }) => temperature === 0)),
    isRandom: truth(rows.some(({ temperature }) => temperature > 0)),
    isSorted: truth(rows.some(isFiltered)),
    sorted: BigInt64Array.of(BigInt(Math.max(1, ...needed)))
  }
}

const truth = (holds: boolean) => Uint8Array.of(holds ? 1 : 0)

const isFiltered = ({ topK, topP }: Sampling): boolean => topK > 0 || topP < 1

/** A row that is not filtered among rows that are: `topP` that no sum of shares reaches. */
const everything = 2

/** A problem of these numbers in words; undefined where they can be honoured. */
export const problemOf = ({ minP, temperature, topK, topP }: Sampling): string | undefined => {
  if (!(temperature >= 0 && temperature < Infinity))
    return `temperature ${temperature} is negative or no number`
  if (!(Number.isSafeInteger(topK) && topK >= 0)) return `topK ${topK} is no count`
  if (!(topP > 0 && topP <= 1)) return `topP ${topP} is not in (0, 1]`
  if (!(minP >= 0 && minP <= 1)) return `minP ${minP} is not in [0, 1]`
  return undefined
}

/** Writes the inputs of `ports` into a model. */
export const declare = (model: OnnxGraph.OnnxGraph): void => {
  for (const [name, { shape, type }] of Object.entries(ports))
    model.input(name, { shape: shape.map((length) => (length < 0 ? "B" : length)), type })
}

/** Writes the choice; the model must have the inputs of `ports`. */
export const choose = (nodes: Nodes, { allowed, logits, uniform }: Inputs): Outputs => {
  const column = (name: string) => nodes.op("Unsqueeze", [name, nodes.integers(1)])
  const minusInfinity = nodes.floats(Number.NEGATIVE_INFINITY)
  const heat = column("temperature")
  const isDrawn = nodes.op("Greater", [heat, nodes.floats(0)])
  const hot = nodes.op("Where", [isDrawn, heat, nodes.floats(1)])
  const tempered = nodes.op("Div", [logits, hot])
  const scores =
    allowed === undefined ? tempered : nodes.op("Where", [allowed, tempered, minusInfinity])
  const least = nodes.op("Max", [
    nodes.op("Add", [largest(nodes, scores), column("logMinP")]),
    sortedLeast(nodes, scores)
  ])
  // What is no number is not less than anything: it stays, and spoils the row's shares for all to see.
  const isCut = nodes.op("Less", [scores, least])
  const kept = nodes.op("Where", [isCut, minusInfinity, scores])
  const shares = nodes.softmax(kept)
  const best = where(nodes, "isGreedy", (inside) =>
    inside.op("ArgMax", [kept], { axis: int(-1), keepdims: int(1) })
  )
  const mark = column(uniform)
  const random = where(nodes, "isRandom", (inside) => drawn(inside, shares, mark))
  const chosen = nodes.op("Where", [isDrawn, random, best])
  const share = nodes.op("GatherElements", [shares, chosen], { axis: int(1) })
  return {
    token: nodes.reshape(chosen, -1),
    logProbability: nodes.reshape(nodes.op("Log", [share]), -1),
    possible: nodes.op("Greater", [shares, nodes.floats(0)])
  }
}

/** Token ids [B, 1], computed only where some row needs them: each way costs as much as a layer. */
const where = (nodes: Nodes, condition: string, ids: (inside: Nodes) => string): string =>
  nodes.choose(condition, ids, (inside) => inside.op("Identity", [inside.integers(0)]), {
    shape: ["rows", 1],
    type: "int64"
  })

const largest = (nodes: Nodes, x: string): string =>
  nodes.op("ReduceMax", [x, nodes.integers(-1)], { keepdims: int(1) })

/**
 * The first token at which the running sum of shares [B, V] passes the uniform [B, 1] of the whole. A
 * uniform of at most 24 bits is below 1, so the last running sum always passes.
 */
const drawn = (nodes: Nodes, shares: string, uniform: string): string => {
  const running = nodes.op("CumSum", [shares, nodes.integer(1)])
  const whole = nodes.lastAxis(running, nodes.integers(-1), nodes.integers(2 ** 31))
  const isBefore = nodes.op("LessOrEqual", [running, nodes.op("Mul", [uniform, whole])])
  return nodes.cast(nodes.sum(nodes.cast(isBefore, "float32")), "int64")
}

/** The least score that topK and topP keep, [B, 1]: minus infinity where no row uses them. */
const sortedLeast = (nodes: Nodes, scores: string): string =>
  nodes.choose(
    "isSorted",
    (inside) => leastOf(inside, scores),
    (inside) => inside.op("Identity", [inside.floats(Number.NEGATIVE_INFINITY)]),
    { shape: ["rows", 1], type: "float32" }
  )

const leastOf = (nodes: Nodes, scores: string): string => {
  const [ordered, places] = [nodes.graph.name(), nodes.graph.name()]
  nodes.graph.node({
    op: "TopK",
    inputs: [scores, "sorted"],
    outputs: [ordered, places],
    attributes: { axis: int(-1), largest: int(1), sorted: int(1) }
  })
  const last = nodes.op("Unsqueeze", [
    nodes.op("Sub", ["topK", nodes.integers(1)]),
    nodes.integers(1)
  ])
  const least = nodes.op("GatherElements", [ordered, last], { axis: int(1) })
  const above = largest(nodes, ordered)
  const weigh = (x: string) => {
    const weight = nodes.op("Exp", [nodes.op("Sub", [x, above])])
    return nodes.op("Where", [nodes.op("GreaterOrEqual", [x, least]), weight, nodes.floats(0)])
  }
  const weights = weigh(ordered)
  const share = nodes.op("Div", [weights, nodes.sum(weigh(scores))])
  const before = nodes.op("CumSum", [share, nodes.integer(1)], { exclusive: int(1) })
  const topP = nodes.op("Unsqueeze", ["topP", nodes.integers(1)])
  const isKept = nodes.op("And", [
    nodes.op("Less", [before, topP]),
    nodes.op("GreaterOrEqual", [ordered, least])
  ])
  const kept = nodes.op("Where", [isKept, ordered, nodes.floats(Number.POSITIVE_INFINITY)])
  return nodes.op("ReduceMin", [kept, nodes.integers(-1)], { keepdims: int(1) })
}

/** The choice alone, as a model that a `SessionPool` loads. */
export const model = (vocabularySize: number) => {
  const nodes = new Nodes()
  nodes.model.input("logits", { shape: ["B", vocabularySize], type: "float32" })
  nodes.model.input("uniform", { shape: ["B"], type: "float32" })
  nodes.model.input("allowed", { shape: ["B", vocabularySize], type: "bool" })
  declare(nodes.model)
  const chosen = choose(nodes, { logits: "logits", uniform: "uniform", allowed: "allowed" })
  const result = (name: keyof Outputs, type: "int64" | "float32" | "bool") => {
    nodes.model.node({ op: "Identity", inputs: [chosen[name]], outputs: [name] })
    nodes.model.output(name, { shape: name === "possible" ? ["B", vocabularySize] : ["B"], type })
  }
  result("token", "int64")
  result("logProbability", "float32")
  result("possible", "bool")
  return {
    bytes: nodes.model.finish(),
    inputs: {
      ...ports,
      logits: { shape: [-1, vocabularySize], type: "float32" },
      uniform: { shape: [-1], type: "float32" },
      allowed: { shape: [-1, vocabularySize], type: "bool" }
    },
    outputs: {
      token: { shape: [-1], type: "int64" },
      logProbability: { shape: [-1], type: "float32" },
      possible: { shape: [-1, vocabularySize], type: "bool" }
    }
  } as const satisfies Model.Model
}
