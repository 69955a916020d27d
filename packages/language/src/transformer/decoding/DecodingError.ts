/**
 * What can go wrong when a transformer says something.
 * A text that ended at its limit is no error: `finish` tells.
 */
import * as Schema from "effect/Schema"

/**
 * A request that was refused or failed; the message says what was expected and found. `NotFinite`: the
 * network gave no numbers. `EngineFailed`: the session did, and says why.
 */
export class DecodingError extends Schema.TaggedError<DecodingError>()("DecodingError", {
  reason: Schema.Literals([
    "EmptyPrompt",
    "TooLong",
    "UnknownToken",
    "BadSampling",
    "NothingAllowed",
    "BadWeights",
    "BadSize",
    "NotFinite",
    "EngineFailed"
  ]),
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}
