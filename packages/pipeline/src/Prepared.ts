/**
 * What a run has when it begins to dream, and how that is kept in a checkpoint.
 * Made by the first three phases, or read back; the same either way.
 */
import { Curriculum as Curricula, type Learner } from "@dreamgym/domain"
import * as Tokenizer from "@dreamgym/language/Tokenizer"
import * as Trainable from "@dreamgym/language/Trainable"
import * as Weights from "@dreamgym/language/Weights"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Arm from "./Arm.ts"
import type { Whole } from "./Checkpoint.ts"
import type { Config } from "./Config.ts"
import { networkOf, policyOf } from "./Networks.ts"
import { RunError } from "./RunError.ts"
import type { World } from "./World.ts"

/** The networks of a run. `policy` is what is trained; it begins as `startOf` says. `experience`: absent where nothing is dreamt. */
export interface Prepared {
  readonly tokenizer: Tokenizer.Tokenizer
  readonly experience: Trainable.Trainable | undefined
  readonly cloned: Trainable.Trainable
  readonly clonedPlus: Trainable.Trainable | undefined
  readonly policy: Trainable.Trainable
}

/** The clone that dreaming starts from, and that the policy is compared with where a KL term asks for it. */
export const startOf = (
  { cloned, clonedPlus }: Pick<Prepared, "cloned" | "clonedPlus">,
  { train }: Config
): { readonly name: string; readonly trainable: Trainable.Trainable } =>
  train.start === "cloned+" && clonedPlus !== undefined
    ? { name: "cloned+", trainable: clonedPlus }
    : { name: "cloned", trainable: cloned }

/**
 * What an iteration leaves behind besides the networks that stay and the buffer. `learner` holds policy, moments and counts;
 * `policyVersion` is that policy's. `experience`: the experience model as it was then, where there is one.
 */
export interface Moment {
  readonly iteration: number
  readonly policyVersion: number
  readonly experience: { readonly version: number; readonly bytes: Uint8Array } | undefined
  readonly learner: Readonly<Record<string, Uint8Array>>
  readonly curriculum: ReadonlyArray<Curricula.TaskRecord>
}

const text = new TextEncoder()
const experienceFile = "experience.safetensors"

/** All files of a checkpoint. */
export const filesOf = (
  prepared: Prepared,
  moment: Moment
): Readonly<Record<string, Uint8Array>> => ({
  "tokenizer.json": text.encode(Tokenizer.toJson(prepared.tokenizer)),
  ...(moment.experience === undefined ? {} : { [experienceFile]: moment.experience.bytes }),
  "cloned.safetensors": bytesOf(prepared.cloned),
  ...(prepared.clonedPlus === undefined
    ? {}
    : { "cloned-plus.safetensors": bytesOf(prepared.clonedPlus) }),
  "curriculum.json": text.encode(Schema.encodeSync(Records)(moment.curriculum)),
  ...moment.learner
})

/**
 * Networks as they were saved; the policy's own numbers are restored by its learner. An experience model that nobody would ask, as older
 * checkpoints have it, is not read.
 */
export const read = Effect.fn("Prepared.read")(function* (
  files: Readonly<Record<string, Uint8Array>>,
  world: World,
  config: Config
): Effect.fn.Return<Prepared, RunError> {
  const tokenizer = Tokenizer.fromJson(
    new TextDecoder().decode(yield* fileOf(files, "tokenizer.json")),
    "tokenizer.json"
  )
  if (!("vocabulary" in tokenizer)) return yield* damaged("tokenizer.json", tokenizer.message)
  const network = (sizes: Config["clone"] | Config["experience"], hasValue: boolean) =>
    networkOf(sizes, world.knowledge, tokenizer, hasValue)
  const clone = (file: string) => trainableOf(network(config.clone, true), files, file)
  const clones = {
    cloned: yield* clone("cloned.safetensors"),
    clonedPlus:
      files["cloned-plus.safetensors"] === undefined
        ? undefined
        : yield* clone("cloned-plus.safetensors")
  }
  return {
    ...clones,
    tokenizer,
    experience: Arm.dreams(Arm.of(config), config)
      ? yield* trainableOf(network(config.experience, false), files, experienceFile)
      : undefined,
    policy: policyOf(startOf(clones, config).trainable, config)
  }
})

/** The moment at which the checkpoint was saved. */
export const momentOf = Effect.fn("Prepared.momentOf")(function* ({
  files,
  iteration,
  state
}: Pick<Whole, "files" | "iteration" | "state">): Effect.fn.Return<Moment, RunError> {
  const records = new TextDecoder().decode(yield* fileOf(files, "curriculum.json"))
  const curriculum = yield* Schema.decodeUnknownEffect(Records)(records).pipe(
    Effect.mapError((error) => damage("curriculum.json", error.message))
  )
  const { experienceVersion: version } = state
  const experience =
    version === undefined ? undefined : { version, bytes: yield* fileOf(files, experienceFile) }
  return { iteration, policyVersion: state.policyVersion, experience, learner: files, curriculum }
})

/** The learner's state and the rest as they are now; `before` spares what has not changed since. */
export const momentNow = Effect.fn("Prepared.momentNow")(function* (
  iteration: number,
  { experience, policy }: Prepared,
  learner: Learner.Learner["Service"],
  curriculum: Pick<Curricula.Curriculum["Service"], "records">,
  before: Moment | undefined
): Effect.fn.Return<Moment, Learner.LearnerError> {
  return {
    iteration,
    policyVersion: policy.version,
    experience: experience === undefined ? undefined : savedOf(experience, before),
    learner: yield* learner.state,
    curriculum: yield* curriculum.records
  }
})

const savedOf = (experience: Trainable.Trainable, before: Moment | undefined) => {
  const { version } = experience
  return before?.experience?.version === version
    ? before.experience
    : { version, bytes: bytesOf(experience) }
}

const Records = Schema.fromJsonString(Schema.toCodecJson(Schema.Array(Curricula.TaskRecord)))

/** The version goes with the numbers: dreams say which version of the model they are of. */
const bytesOf = ({ parameters, version }: Trainable.Trainable): Uint8Array =>
  Weights.encode(parameters, { version: String(version) })

const fileOf = (files: Readonly<Record<string, Uint8Array>>, file: string) => {
  const bytes = files[file]
  return bytes === undefined ? damaged(file, "it is missing") : Effect.succeed(bytes)
}

const trainableOf = Effect.fnUntraced(function* (
  network: Trainable.Trainable["network"],
  files: Readonly<Record<string, Uint8Array>>,
  file: string
) {
  const trainable = Trainable.make(network, 0)
  const bytes = yield* fileOf(files, file)
  const metadata = yield* Weights.decodeInto(trainable.parameters, bytes, file).pipe(
    Effect.mapError((error) => damage(file, error.message))
  )
  const version = Number(metadata["version"])
  if (!Number.isInteger(version)) return yield* damaged(file, "it does not say its version")
  trainable.version = version
  return trainable
})

const damage = (file: string, what: string) =>
  new RunError({
    reason: "Damaged",
    file,
    message: `${file} of the checkpoint cannot be used: ${what}; resume from an older checkpoint`
  })

const damaged = (file: string, what: string) => Effect.fail(damage(file, what))
