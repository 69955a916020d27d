/**
 * What can be wrong with a configuration, said before any work begins.
 * It names the key, where it was set, and what to do.
 */
import * as Schema from "effect/Schema"
import { fields } from "./Config.ts"

/** `source` is the file, flag, preset or variable that set `key`. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  reason: Schema.Literals(["UnknownKey", "BadValue", "Impossible", "Unused", "BadFile"]),
  source: Schema.String,
  key: Schema.String,
  message: Schema.String
}) {}

/** What other programs call the same thing; these names are only understood, not accepted. */
const otherNames: Readonly<Record<string, string>> = {
  advestimator: "learner.algorithm",
  lam: "learner.gaeLambda",
  clipratio: "learner.clipRatioHigh",
  clipcoef: "learner.clipRatioHigh",
  epsilon: "learner.clipRatioHigh",
  epsilonhigh: "learner.clipRatioHigh",
  delta: "learner.clipRatioC",
  losstype: "learner.lossAgg",
  klinrewardcoef: "learner.klInRewardCoef",
  klcoef: "learner.klInRewardCoef",
  kllosstype: "learner.klEstimator",
  maxoffpolicysteps: "learner.maxStaleness",
  maxnumgenbatches: "train.samplingRounds",
  cliprangevalue: "learner.valueClip",
  entcoef: "learner.entropyCoef",
  entropycoeff: "learner.entropyCoef",
  beta: "learner.klLossCoef",
  numgenerations: "train.groupSize",
  rolloutn: "train.groupSize",
  nsamplesperprompt: "train.groupSize",
  trainbatchsize: "train.tasksPerIteration",
  ppominibatchsize: "learner.miniBatchSize",
  updateepochs: "learner.ppoEpochs",
  numiterations: "train.iterations",
  learningrate: "learner.lr",
  outputdir: "run.directory"
}

/** The known key that `key` most probably means. */
export const nearest = (key: string): string => {
  if (fields.some((field) => field.key === key)) return key
  const wanted = plain(key)
  const other = otherNames[wanted] ?? otherNames[plain(leaf(key))]
  if (other !== undefined) return other
  const ranked = fields
    .map((field) => ({ key: field.key, distance: likeness(wanted, plain(leaf(key)), field.key) }))
    .toSorted((a, b) => a.distance - b.distance)
  return ranked[0]?.key ?? ""
}

export const unknownKey = (key: string, source: string): ConfigError =>
  new ConfigError({
    reason: "UnknownKey",
    source,
    key,
    message: `${source}: there is no key "${key}"; did you mean "${nearest(key)}"?`
  })

const leaf = (key: string): string => key.slice(key.lastIndexOf(".") + 1)
const plain = (key: string): string => key.toLowerCase().replaceAll(/[^a-z0-9]/g, "")

/** A right name in the wrong section is nearer than another name. */
const likeness = (wanted: string, wantedLeaf: string, key: string): number =>
  Math.min(
    editDistance(wanted, plain(key)),
    editDistance(wantedLeaf, plain(leaf(key))) + 0.5 + editDistance(wanted, plain(key)) / 100
  )

/** Least number of letters to insert, delete or replace (V. I. Levenshtein, 1966). */
export const editDistance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, j) => j)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
