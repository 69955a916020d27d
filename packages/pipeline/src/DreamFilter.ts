/**
 * The quality filter of a run as its configuration says it: which rules are asked, in which order, and with what bounds.
 * The rules are the experience package's; none is made here.
 */
import { type ExperienceModel, QualityFilter, type ReplayBuffer, Seed } from "@dreamgym/domain"
import type * as Demonstrations from "@dreamgym/experience/Demonstrations"
import * as GroupRules from "@dreamgym/experience/quality/GroupRules"
import * as Judge from "@dreamgym/experience/quality/Judge"
import * as Likelihood from "@dreamgym/experience/quality/Likelihood"
import * as Novelty from "@dreamgym/experience/quality/Novelty"
import * as Plausibility from "@dreamgym/experience/quality/Plausibility"
import * as Filters from "@dreamgym/experience/QualityFilter"
import type * as Rule from "@dreamgym/experience/quality/Rule"
import * as SelfConsistency from "@dreamgym/experience/quality/SelfConsistency"
import * as SuccessVerifier from "@dreamgym/experience/quality/SuccessVerifier"
import * as SyntheticEnvironment from "@dreamgym/experience/SyntheticEnvironment"
import * as TextRules from "@dreamgym/experience/quality/TextRules"
import * as Effect from "effect/Effect"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Offline } from "./Collect.ts"
import type { Config } from "./Config.ts"
import type { World } from "./World.ts"

/** Whom the rules may ask: the experience model as it dreams (`demonstrations` too), the buffer, and what really happened. */
export interface Asked {
  readonly config: Config
  readonly world: World
  readonly offline: Offline
  readonly buffer: ReplayBuffer.ReplayBuffer["Service"]
  readonly model: ExperienceModel.ExperienceModel["Service"]
  readonly demonstrations?: Demonstrations.Options
}

/**
 * Cheap rules first: those that read the text, then likelihood, the verifier, the buffer, the experience model, and the judge. The
 * judge is the `effect/ai` model that is provided; a configuration that wants one where there is none fails as `Unavailable`.
 */
export const layer = (
  asked: Asked
): Layer.Layer<QualityFilter.QualityFilter, QualityFilter.QualityFilterError> =>
  Layer.unwrap(
    Effect.map(judges(asked.config), (judge) =>
      Filters.layer({
        knowledge: () => asked.world.knowledge,
        faults: asked.config.filter.faults === "pass" ? "Pass" : "Stop",
        rules: [...textRules(asked.config), ...askingRules(asked), ...judge]
      })
    )
  )

/** In the real world there is nothing to doubt: only what is empty or endless is held back. */
export const layerReal = ({
  config,
  world
}: Pick<Asked, "config" | "world">): Layer.Layer<QualityFilter.QualityFilter> =>
  Filters.layer({
    knowledge: () => world.knowledge,
    rules: [TextRules.empty, TextRules.tooLong(config.filter.maxCharacters)]
  })

/** The rules over groups, dreamt or real. */
export const groupRules = ({ filter }: Config): ReadonlyArray<GroupRules.GroupRule> => [
  ...where(filter.allFailed, () => GroupRules.allFailed),
  ...where(filter.noContrast, () => GroupRules.noContrast())
]

/** The rule of the judge, if one is wanted: to be asked before any work begins. */
export const judges = Effect.fn("DreamFilter.judges")(function* ({ filter }: Config) {
  const { minJudgeTotal: minTotal } = filter
  if (minTotal === 0) return []
  const model = yield* Effect.serviceOption(LanguageModel.LanguageModel)
  return Option.isSome(model) ? [Judge.rule({ model: model.value, minTotal })] : yield* noJudge()
})

const textRules = ({ filter }: Config): ReadonlyArray<Rule.Rule> => [
  TextRules.empty,
  TextRules.tooLong(filter.maxCharacters),
  TextRules.malformed,
  ...where(filter.contradiction, () => TextRules.contradiction(filter.maxContradictions)),
  ...where(filter.unearnedReward, () => TextRules.unearnedReward),
  ...where(filter.missedReward, () => TextRules.missedReward),
  Likelihood.rule({
    minMean: filter.minMeanLogProbability,
    minLeast: filter.minLogProbability
  })
]

const askingRules = ({
  buffer,
  config: { experience, filter, seed },
  demonstrations,
  model,
  offline
}: Asked): ReadonlyArray<Rule.Rule> => [
  ...where(filter.minPlausibility > 0, () =>
    Plausibility.rule({
      verifier: SuccessVerifier.learn(offline.train, { seed: Seed.key(seed, "verifier") }),
      minWon: filter.minPlausibility
    })
  ),
  ...where(filter.duplicate, () => Novelty.duplicate(knownInIteration())),
  ...where(filter.maxSimilarity > 0, () =>
    Novelty.nearDuplicate({
      retrieval: buffer,
      maxSimilarity: filter.maxSimilarity,
      history: experience.history
    })
  ),
  ...where(filter.samples > 0, () =>
    SelfConsistency.rule({
      model,
      samples: filter.samples,
      share: filter.sampledShare,
      minAgreement: filter.minAgreement,
      seed: Seed.key(seed, "self-consistency"),
      ...(demonstrations === undefined ? {} : { demonstrations })
    })
  )
]

const where = <A>(isWanted: boolean, make: () => A): ReadonlyArray<A> => (isWanted ? [make()] : [])

/** Whether the iteration has shown this trajectory before; each iteration has a `DreamKey` of its own. */
const knownInIteration = () => {
  const shown = new Set<string>()
  let iteration: Seed.Key | undefined
  return Effect.fnUntraced(function* (fingerprint: string) {
    const current = yield* SyntheticEnvironment.DreamKey
    if (current !== iteration) shown.clear()
    iteration = current
    const isKnown = shown.has(fingerprint)
    shown.add(fingerprint)
    return isKnown
  })
}

const noJudge = () =>
  new QualityFilter.QualityFilterError({
    reason: "Unavailable",
    rule: "judge",
    message:
      "filter.minJudgeTotal asks for a judge, and there is none: provide a LanguageModel of effect/ai to the run, or set filter.minJudgeTotal to 0"
  })
