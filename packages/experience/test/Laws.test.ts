/** The contracts' own laws, for the implementations of this package. */
import { describe, it } from "@effect/vitest"
import { Ending, ExperienceModel, History } from "@dreamgym/domain"
import { EnvironmentLaws, ExperienceModelLaws, Law, QualityFilterLaws } from "@dreamgym/laws"
import * as Effect from "effect/Effect"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Stream from "effect/Stream"
import {
  DreamTask,
  Judge,
  Likelihood,
  Novelty,
  Plausibility,
  QualityFilter,
  ReasoningModel,
  SelfConsistency,
  SuccessVerifier,
  SyntheticEnvironment,
  TextRules
} from "../src/index.ts"
import {
  boxTask,
  demonstrationOf,
  firstObservation,
  knowledge,
  knownWorlds,
  listing,
  remembering,
  scripted,
  synthetic,
  trajectoryOf
} from "./boxes.ts"

const runner = { describe, it: (name: string, run: () => Promise<void>) => it(name, run) }
const task = boxTask("a", "key")
const dream = DreamTask.dreamTask(task, firstObservation(3, "key"))
const evaluation = boxTask("evaluation", "key")

/** Box 2 holds the key; what else lies where follows from the random key and from nothing else. */
const language = () =>
  scripted(({ key, text }) => {
    const box = /<act> open (box \d+) <think>$/.exec(text)?.[1]
    if (box === undefined) return "fails. <obs> Nothing happens. <act>"
    return box === "box 2"
      ? `works. <obs> ${listing(box, "key 1")} <win>`
      : `works. <obs> ${listing(box, key % 2 === 0 ? "pen 1" : "coin 1")} <act>`
  }).model

const model = Effect.sync(() =>
  ReasoningModel.make(language(), {
    knowledge: knownWorlds,
    isEvaluationTask: ({ id }) => id === evaluation.id
  })
)

const lived = trajectoryOf("lived", task, [["open box 3", listing("box 3", "pen 1")]])
const won = trajectoryOf("really", task, [["open box 2", listing("box 2", "key 1"), 1]])
const held = trajectoryOf("held", evaluation, [["open box 2", listing("box 2", "key 1"), 1]])
const history = History.start(firstObservation(3, "key"))

Law.describeLaws(
  runner,
  ExperienceModelLaws.experienceModelLaws({
    name: "ReasoningModel",
    model,
    requests: ["open box 1", "open box 2", "dance"].map((action, key) => ({
      task,
      history,
      action,
      demonstrations: [demonstrationOf(lived, 0)],
      key
    })),
    malformed: Effect.sync(() =>
      ReasoningModel.make(scripted(() => "You win! <win>").model, { knowledge: knownWorlds })
    ),
    evaluationData: [demonstrationOf(held, 0)]
  })
)

for (const sameTask of ["SameWorld", "OwnWorld"] as const) {
  const suite = EnvironmentLaws.environmentLaws({
    name: `SyntheticEnvironment (${sameTask})`,
    environment: Effect.flatMap(model, (made) =>
      Effect.map(
        SyntheticEnvironment.make({ knowledge, sameTask }).pipe(
          Effect.provideService(ExperienceModel.ExperienceModel, made)
        ),
        ({ environment }) => environment
      )
    ),
    task: dream,
    actions: ["open box 1", "open box 3", "dance", "open box 2"]
  })
  // Worlds of their own differ: that is what they are for.
  const laws = suite.laws.filter(
    ({ name }) => sameTask === "SameWorld" || !/^the same|side by side/.test(name)
  )
  Law.describeLaws(runner, { ...suite, laws })
}

const dreamt = (id: string, ...turns: Parameters<typeof trajectoryOf>[2]) =>
  trajectoryOf(id, dream, turns, { provenance: synthetic })

/** Every rule there is; the experience model is sure of box 2 alone, the judge likes everything. */
const everyRule = Effect.gen(function* () {
  const judge = yield* LanguageModel.make({
    generateText: () => Effect.succeed([{ type: "text", text: allTwos }]),
    streamText: () => Stream.empty
  })
  const { retrieval } = yield* remembering([demonstrationOf(lived, 0)])
  const rules = [
    ...TextRules.standard,
    Likelihood.rule({ minMean: -1, minLeast: -2 }),
    Plausibility.rule({ verifier: SuccessVerifier.learn([lived, won], { seed: 1 }), minWon: 0.01 }),
    Novelty.duplicate(() => Effect.succeed(false)),
    Novelty.nearDuplicate({ retrieval, maxSimilarity: 1.1 }),
    SelfConsistency.rule({
      model: yield* model,
      samples: 4,
      share: 1,
      minAgreement: 0.1,
      seed: 2,
      about: "Everything"
    }),
    Judge.rule({ model: judge, minTotal: 8 })
  ]
  return QualityFilter.make({ knowledge: knownWorlds, rules })
})

const allTwos = '{"consistency":2,"diversity":2,"informativeness":2,"hallucination":2}'

const filters = {
  QualityFilter: Effect.sync(() => QualityFilter.make({ knowledge: knownWorlds })),
  "QualityFilter with every rule": everyRule
}

for (const [name, filter] of Object.entries(filters)) {
  const suite = QualityFilterLaws.qualityFilterLaws({
    name,
    filter,
    accepted: [
      dreamt("won", ["open box 2", listing("box 2", "key 1"), 1]),
      dreamt("lost", ["open box 1", listing("box 1", "pen 1")])
    ],
    rejected: [
      {
        reason: "UnearnedReward",
        trajectory: dreamt("cheat", ["open box 1", listing("box 1", "pen 1"), 1])
      },
      {
        reason: "Fault",
        trajectory: {
          ...dreamt("broken", ["dance", ""]),
          ending: Ending.failed("Parse", "no <obs>")
        }
      }
    ]
  })
  Law.describeLaws(runner, suite)
}
