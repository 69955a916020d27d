/**
 * What can be wrong with a folder of weights, apart from its `config.json` and torn tensor files.
 * It says where, what was expected, what was found, and what to do.
 */
import * as Schema from "effect/Schema"

const remedies = {
  Absent: "check the path, and that the whole folder was fetched",
  Unreadable: "check the permissions of the file",
  Unwritable: "check the permissions of the folder and the free space",
  Malformed: "fetch the file again",
  MissingTensor: "take the config.json that belongs to the weights, or fetch all of them",
  UnknownTensor: "take the config.json that belongs to the weights",
  MisshapenTensor: "take the config.json that belongs to the weights",
  Contradiction: "correct config.json, or take the file that belongs to it",
  Unsupported: "use the safetensors alone",
  TooLarge: "write fewer numbers, or only the safetensors"
} as const

type Reason = keyof typeof remedies

/** `tensor` is empty where the whole file is at fault. */
export class FolderError extends Schema.TaggedError<FolderError>()("FolderError", {
  reason: Schema.Literals([
    "Absent",
    "Unreadable",
    "Unwritable",
    "Malformed",
    "MissingTensor",
    "UnknownTensor",
    "MisshapenTensor",
    "Contradiction",
    "Unsupported",
    "TooLarge"
  ]),
  file: Schema.String,
  tensor: Schema.String,
  expected: Schema.String,
  found: Schema.String,
  message: Schema.String
}) {}

/** The error with its message. */
export const make = (
  reason: Reason,
  at: {
    readonly file: string
    readonly tensor?: string
    readonly expected: string
    readonly found: string
  }
): FolderError => {
  const { file, tensor = "", expected, found } = at
  const place = tensor === "" ? file : `${file}, tensor ${tensor}`
  return new FolderError({
    reason,
    file,
    tensor,
    expected,
    found,
    message: `${place}: expected ${expected}, found ${found}; ${remedies[reason]}`
  })
}
