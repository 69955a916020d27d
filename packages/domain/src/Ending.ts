/**
 * Why an episode ended: a closed list.
 * A fault is an ending of its own kind and is never a reward.
 */
import * as Schema from "effect/Schema"

/** Why an episode was cut although it could have gone on. */
export const Limit = Schema.Literals(["StepLimit", "TokenLimit", "Budget"])
export type Limit = typeof Limit.Type

/** Who broke: nobody may learn from such an episode. */
export const Fault = Schema.Literals([
  "Environment",
  "ExperienceModel",
  "Parse",
  "Policy",
  "Timeout"
])
export type Fault = typeof Fault.Type

export const Ending = Schema.TaggedUnion({
  Terminated: { success: Schema.Boolean },
  Truncated: { reason: Limit },
  Failed: { fault: Fault, message: Schema.String }
})
export type Ending = typeof Ending.Type

export const terminated = (success: boolean): Ending => ({ _tag: "Terminated", success })
export const truncated = (reason: Limit): Ending => ({ _tag: "Truncated", reason })
export const failed = (fault: Fault, message: string): Ending => ({
  _tag: "Failed",
  fault,
  message
})

/** Only a terminated episode can be a success. */
export const isSuccess = (ending: Ending): boolean => ending._tag === "Terminated" && ending.success
