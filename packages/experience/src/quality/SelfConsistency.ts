/**
 * The rule that asks the experience model again: what it cannot repeat it did not know.
 * Where the world hides something honest answers differ too; there it asks nothing, as far as Knowledge can tell.
 */
import { type ExperienceModel, Lockstep, QualityFilter, Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Demonstrations from "../Demonstrations.ts"
import { isNovel } from "../Fidelity.ts"
import type { Moment } from "../Moments.ts"
import { fingerprint } from "./Novelty.ts"
import type { Opinion, Rule, Subject } from "./Rule.ts"

/** What a step brought: the observation, the reward, and whether the episode came to its end there. */
export interface Answer {
  readonly observation: string
  readonly reward: number
  readonly isEnd: boolean
}

/**
 * `samples` (at least 1) more answers for `share` in (0, 1] of the dreamt transitions (rounded up, chosen by `seed`); at least
 * `minAgreement` in [0, 1] of all these answers must agree with what was dreamt, by `agrees` (default: the same reward, end and words).
 * `demonstrations` as in the dream; they are looked up anew.
 */
export interface Options {
  readonly model: ExperienceModel.ExperienceModel["Service"]
  readonly samples: number
  readonly share: number
  readonly minAgreement: number
  readonly seed: number
  readonly agrees?: (dreamt: Answer, again: Answer) => boolean
  readonly demonstrations?: Demonstrations.Options
  /** Steps that reveal something new (`Fidelity.isNovel`) are left out where there is Knowledge ("Predictable", default), or asked about too. */
  readonly about?: "Predictable" | "Everything"
}

/**
 * Scores: `agreement` (over all answers), `leastAgreement` (of the transition that agrees least) and `tokens/selfConsistency`. An answer that does
 * not parse does not agree; a model that is `Unavailable` or late is a fault. All questions about a trajectory are one batch, and
 * their keys follow from `seed` and the content of the trajectory.
 */
export const rule = (options: Options): Rule => ({
  name: "selfConsistency",
  reason: "Unstable",
  judge: Effect.fnUntraced(function* (subject) {
    const key = Seed.key(options.seed, fingerprint(subject.trajectory))
    const asked = Seed.shuffle(Seed.generator(key), dreamtMoments(options, subject))
    const chosen = asked.slice(0, Math.ceil(options.share * asked.length))
    const requests = yield* Effect.forEach(chosen, (one) => requestOf(options, subject, one))
    const questions = requests.flatMap(({ dreamt, place, request }) =>
      Array.from({ length: options.samples }, (_, sample) =>
        again(options, dreamt, { ...request, key: Seed.key(key, "again", place, sample) })
      )
    )
    return opinionOf(options, yield* Lockstep.wave(questions))
  })
})

/** Letters' case and blanks do not matter. */
export const sameWords = (dreamt: Answer, again: Answer): boolean =>
  dreamt.reward === again.reward &&
  dreamt.isEnd === again.isEnd &&
  wordsOf(dreamt.observation) === wordsOf(again.observation)

const wordsOf = (text: string): string => text.toLowerCase().trim().replaceAll(/\s+/g, " ")

interface Dreamt extends Moment {
  readonly place: number
  readonly answer: Answer
}

const dreamtMoments = (
  { about = "Predictable" }: Options,
  { knowledge, moments, trajectory }: Subject
): ReadonlyArray<Dreamt> =>
  moments.flatMap((moment, place) => {
    const { nextObservation, provenance, reward } = moment.transition
    if (provenance._tag === "Real") return []
    const isSkipped = about === "Predictable" && knowledge !== undefined
    if (isSkipped && isNovel(knowledge, { trajectory, moment })) return []
    const isEnd = place === moments.length - 1 && trajectory.ending._tag === "Terminated"
    return [{ ...moment, place, answer: { observation: nextObservation, reward, isEnd } }]
  })

const requestOf = (
  { demonstrations }: Options,
  { knowledge, task, trajectory }: Subject,
  { answer, before, place, transition }: Dreamt
) => {
  const action = transition.action.text
  const situation = { task, history: before, action, knowledge, excludeTrajectory: trajectory.id }
  return Demonstrations.find(demonstrations, situation).pipe(
    Effect.map((found) => ({
      dreamt: answer,
      place,
      request: { task, history: before, action, demonstrations: found }
    })),
    Effect.mapError((cause) =>
      unavailable(`similar experience could not be looked up: ${cause.message}`, cause)
    )
  )
}

interface Again {
  readonly dreamt: Answer
  readonly agrees: boolean
  readonly tokens: number
}

const again = (
  { agrees = sameWords, model }: Options,
  dreamt: Answer,
  request: ExperienceModel.PredictionRequest
): Effect.Effect<Again, QualityFilter.QualityFilterError> =>
  model.predict(request).pipe(
    Effect.map(({ ending, observation, reward, tokens }) => {
      const isEnd = ending !== undefined
      return { dreamt, tokens, agrees: agrees(dreamt, { observation, reward, isEnd }) }
    }),
    Effect.catch((error) =>
      error.reason === "Malformed"
        ? Effect.succeed({ dreamt, tokens: 0, agrees: false })
        : Effect.fail(
            unavailable(`${error.model} could not be asked again: ${error.message}`, error)
          )
    )
  )

const opinionOf = ({ minAgreement }: Options, answers: ReadonlyArray<Again>): Opinion => {
  if (answers.length === 0) return { scores: {}, complaint: undefined }
  const agreement = shareOf(answers)
  const byMoment = [...Map.groupBy(answers, ({ dreamt }) => dreamt).values()]
  const scores = {
    agreement,
    leastAgreement: Math.min(...byMoment.map(shareOf)),
    "tokens/selfConsistency": answers.reduce((sum, { tokens }) => sum + tokens, 0)
  }
  const complaint =
    agreement >= minAgreement
      ? undefined
      : `asked again, the experience model agreed with ${agreement.toFixed(3)} of its answers; the bound is ${minAgreement}`
  return { scores, complaint }
}

const shareOf = (answers: ReadonlyArray<Again>): number =>
  answers.filter(({ agrees }) => agrees).length / answers.length

const unavailable = (message: string, cause: unknown) =>
  new QualityFilter.QualityFilterError({
    reason: "Unavailable",
    rule: "selfConsistency",
    message,
    cause
  })
