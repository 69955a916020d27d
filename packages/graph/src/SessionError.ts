/**
 * What can go wrong between a graph and its results.
 * A shape that does not fit inside a graph is not here: that is a `ShapeError` where it is written.
 */
import * as Schema from "effect/Schema"

/** A graph that could not be compiled or run; the message names the array and what was expected. */
export class SessionError extends Schema.TaggedError<SessionError>()("SessionError", {
  reason: Schema.Literals([
    "MissingFeed",
    "UnknownFeed",
    "MisshapenFeed",
    "UnknownId",
    "NotShared",
    "UnknownWorker",
    "NoProvider",
    "CompileFailed",
    "RunFailed",
    "WorkerDied"
  ]),
  /** What the graph was called when it was loaded. */
  graph: Schema.optionalKey(Schema.String),
  /** The node in which a run failed, as `Op:result` in the printed graph. */
  node: Schema.optionalKey(Schema.String),
  message: Schema.String
}) {}
