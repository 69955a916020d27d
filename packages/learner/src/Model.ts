/**
 * What the learner needs of a model: how decisions become feeds, and what its graph says of them.
 * It says nothing of losses, and nothing of how decisions were sampled.
 *
 * B decisions of a part, K tokens of a decision (padded), V tokens that could be sampled.
 */
import type { Parameters, Value } from "@dreamgym/graph"
import type { Rows } from "@dreamgym/language"

type V = Value.Value

/** Numbers in training; every update writes them in place and adds 1 to `version`. */
export interface Trained {
  readonly parameters: Parameters.Parameters
  version: number
}

/** Every further number of a shape is the model's own; each distinct shape is compiled once. */
export interface Shape {
  readonly batch: number
  readonly read: number
}

/** One decision as the model reads it; `temperature` is that at which it was sampled. */
export interface Sampled<Row> {
  readonly row: Row
  readonly temperature: number
}

/** Some decisions and the shape in which they are computed: at most `shape.batch` of them. */
export interface Part<Entry, Of extends Shape> {
  readonly shape: Of
  readonly rows: ReadonlyArray<Entry>
}

/**
 * What a model's graph says of a batch. Logits are those of the distribution that was sampled:
 * divided by the temperature, with an additive mask where a token could not be chosen. `weightBK`
 * is 1 for a token of the decision and 0 for padding.
 */
export interface Reading {
  readonly logitsBKV: V
  readonly targetBK: V
  readonly weightBK: V
  /** The critic where the decision is made, before its first token. */
  readonly valueB?: V
  /** The critic before each token; at K = 0 it is `valueB`. */
  readonly valueBK?: V
}

/**
 * A policy, perhaps with a critic, over rows of its own kind. A row holds what was seen and which
 * tokens were chosen; a policy over a fixed set of actions has K = 1.
 */
export interface Model<Row, Of extends Shape> {
  readonly trained: Trained
  readonly hasValue: boolean
  readonly hasTokenValues: boolean
  /**
   * Values were not said when decisions were sampled, as the sampler has no critic: a learner reads
   * them before the update. Absent: no. Needs `hasTokenValues`.
   */
  readonly readsValues?: boolean
  /** A minibatch in parts that cost about the same, one thread each; it may be one part. */
  readonly inParts: <Entry extends Sampled<Row>>(
    entries: ReadonlyArray<Entry>
  ) => ReadonlyArray<Part<Entry, Of>>
  /** A shape that holds all of these, for reading them without learning. */
  readonly shapeOf: (entries: ReadonlyArray<Sampled<Row>>) => Of
  /**
   * Everything that `reading` reads but the parameters. Rows beyond the entries have weight 0. What
   * is large may come from `room`, whose owner takes it back when the feeds have been read.
   */
  readonly feedsOf: (
    entries: ReadonlyArray<Sampled<Row>>,
    shape: Of,
    room?: Rows.Room
  ) => Rows.Feeds
  readonly reading: (weights: Readonly<Record<string, V>>, shape: Of) => Reading
}

/** Names a shape by its numbers. */
export const nameOf = (shape: Shape): string => Object.values(shape).join(" ")
