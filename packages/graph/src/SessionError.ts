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
    "NotShared",
    "UnknownWorker",
    "CompileFailed",
    "RunFailed",
    "WorkerDied"
  ]),
  message: Schema.String
}) {}
