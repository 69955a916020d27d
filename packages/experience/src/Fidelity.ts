/**
 * How true the experience model is, measured on real transitions that it never learnt from, before anything is dreamt.
 * Each question stands on the real history (teacher-forced over steps), each reply is written freely (not over tokens): one step
 * ahead. What drifts over many steps is the business of `Calibration`.
 */
import {
  type ExperienceModel,
  type Knowledge,
  Lockstep,
  type ReplayBuffer,
  Seed,
  type Trajectory
} from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Demonstrations from "./Demonstrations.ts"
import { subject } from "./DreamTask.ts"
import * as Format from "./Format.ts"
import { moments, type Moment } from "./Moments.ts"

/**
 * Shares in [0, 1]. `nextStateExact`: observations equal to the real ones but for blanks, malformed replies counted as wrong;
 * `nextStateExactKnown`: the same over the `known` transitions, which reveal nothing that could not be known; `reasoningExact`:
 * over those whose R* can be written and was asked for, `explained`. The confusion counts parsed replies: positive means "done, reward 1".
 * `falseSuccessRate` = false positives / real negatives (the proxy of eps_R that a policy exploits), `missedSuccessRate` = false
 * negatives / real positives. A share of nothing is 0; the counts tell.
 */
export const Fidelity = Schema.Struct({
  transitions: Schema.Int,
  known: Schema.Int,
  explained: Schema.Int,
  nextStateExact: Schema.Number,
  nextStateExactKnown: Schema.Number,
  reasoningExact: Schema.Number,
  rewardConfusion: Schema.Struct({
    truePositive: Schema.Int,
    falsePositive: Schema.Int,
    trueNegative: Schema.Int,
    falseNegative: Schema.Int
  }),
  falseSuccessRate: Schema.Number,
  missedSuccessRate: Schema.Number,
  malformedRate: Schema.Number
})
export interface Fidelity extends Schema.Schema.Type<typeof Fidelity> {}

/** What was said of one real transition. `reasoning` is R*, absent without Knowledge; `predicted` is absent where it was malformed. */
export interface Comparison {
  readonly observation: string
  readonly reward: number
  readonly reasoning?: string
  readonly isNovel: boolean
  readonly predicted?: {
    readonly observation: string
    readonly reward: number
    readonly reasoning: string
  }
}

/**
 * `waveSize` (default 64) questions are asked at once. `key` matters only to a model that samples. `reasoning`: as the model was
 * asked for it. What is `known` follows from the whole history even where the model is shown less: the measure stays the same.
 */
export interface Options extends Pick<Format.Form, "reasoning"> {
  readonly knowledge: (environment: string) => Knowledge.Knowledge | undefined
  readonly key: Seed.Key
  readonly demonstrations?: Demonstrations.Options
  readonly waveSize?: number
}

/**
 * Asks `model` (make it with `temperature: 0`) for every transition of held-out real trajectories. Demonstrations never come from
 * the trajectory itself. A malformed reply is counted; a model that is out of reach fails the measurement.
 */
export const measure = Effect.fn("Fidelity.measure")(function* (
  model: ExperienceModel.ExperienceModel["Service"],
  trajectories: ReadonlyArray<Trajectory.Trajectory>,
  options: Options
): Effect.fn.Return<Fidelity, ExperienceModel.PredictionError | ReplayBuffer.ReplayBufferError> {
  const questions = trajectories.flatMap((trajectory) =>
    moments(trajectory).map((moment): Question => ({ trajectory, moment }))
  )
  const waveSize = options.waveSize ?? 64
  const starts = Array.from(
    { length: Math.ceil(questions.length / waveSize) },
    (_, i) => i * waveSize
  )
  const comparisons = yield* Effect.forEach(starts, (from) =>
    Lockstep.wave(
      questions
        .slice(from, from + waveSize)
        .map((question, i) =>
          compare(model, question, Seed.key(options.key, "fidelity", from + i), options)
        )
    )
  )
  return summarise(comparisons.flat())
})

/** The arithmetic of `measure`. */
export const summarise = (comparisons: ReadonlyArray<Comparison>): Fidelity => {
  const known = comparisons.filter((comparison) => !comparison.isNovel)
  const explained = comparisons.filter((comparison) => comparison.reasoning !== undefined)
  const rewardConfusion = confusionOf(comparisons)
  const { falseNegative, falsePositive, trueNegative, truePositive } = rewardConfusion
  const malformed = comparisons.filter((comparison) => comparison.predicted === undefined)
  return {
    transitions: comparisons.length,
    known: known.length,
    explained: explained.length,
    nextStateExact: share(comparisons.filter(isExact).length, comparisons.length),
    nextStateExactKnown: share(known.filter(isExact).length, known.length),
    reasoningExact: share(explained.filter(isReasonedExactly).length, explained.length),
    rewardConfusion,
    falseSuccessRate: share(falsePositive, falsePositive + trueNegative),
    missedSuccessRate: share(falseNegative, falseNegative + truePositive),
    malformedRate: share(malformed.length, comparisons.length)
  }
}

/** As numbers by name, for events and metrics. */
export const metrics = ({
  rewardConfusion,
  ...rates
}: Fidelity): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries({ ...rates, ...rewardConfusion }).map(([name, value]) => [
      `fidelity/${name}`,
      value
    ])
  )

/**
 * Does this answer reveal what the text could not tell before? From texts alone: it names a numbered thing ("mug 2") that neither
 * the question nor the action nor the first observation names, or it finds a place empty that was not known to be ("nothing"
 * stands in it, and more often in the state after than in the state before).
 */
export const isNovel = (knowledge: Knowledge.Knowledge, moment: Question): boolean => {
  const { after, before, transition } = moment.moment
  const task = subject(moment.trajectory.task)
  const action = transition.action.text
  const known = `${knowledge.question(task, before, action).text} ${action} ${before.first}`
  const knownThings = new Set(thingsIn(known))
  if (thingsIn(transition.nextObservation).some((thing) => !knownThings.has(thing))) return true
  const empties = (text: string) => text.match(/\bnothing\b/gi)?.length ?? 0
  return (
    empties(transition.nextObservation) > 0 &&
    empties(knowledge.describe(task, after).text) > empties(knowledge.describe(task, before).text)
  )
}

/** A moment of a trajectory, as a question to the model. */
export interface Question {
  readonly trajectory: Trajectory.Trajectory
  readonly moment: Moment
}

const compare = Effect.fnUntraced(function* (
  model: ExperienceModel.ExperienceModel["Service"],
  question: Question,
  key: Seed.Key,
  options: Options
) {
  const { moment, trajectory } = question
  const task = subject(trajectory.task)
  const knowledge = options.knowledge(task.environment)
  const { before: history, transition } = moment
  const action = transition.action.text
  const demonstrations = yield* Demonstrations.find(options.demonstrations, {
    task,
    history,
    action,
    knowledge,
    excludeTrajectory: trajectory.id
  })
  const answer = yield* Effect.result(model.predict({ task, history, action, demonstrations, key }))
  if (Result.isFailure(answer) && answer.failure.reason !== "Malformed")
    return yield* answer.failure
  const prediction = Result.isSuccess(answer) ? answer.success : undefined
  return comparisonOf(question, knowledge, prediction, options)
})

const comparisonOf = (
  question: Question,
  knowledge: Knowledge.Knowledge | undefined,
  prediction: ExperienceModel.Prediction | undefined,
  { reasoning: isReasoned = true }: Options
): Comparison => {
  const { before, transition } = question.moment
  const { nextObservation: observation, reward } = transition
  const predicted = prediction === undefined ? {} : { predicted: prediction }
  if (knowledge === undefined) return { observation, reward, isNovel: false, ...predicted }
  const task = subject(question.trajectory.task)
  const action = transition.action.text
  const explained = isReasoned
    ? { reasoning: knowledge.annotate(task, before, action, observation, reward) }
    : {}
  return { observation, reward, ...explained, isNovel: isNovel(knowledge, question), ...predicted }
}

const confusionOf = (comparisons: ReadonlyArray<Comparison>): Fidelity["rewardConfusion"] => {
  const count = (isDone: boolean, saysDone: boolean) =>
    comparisons.filter(
      ({ predicted, reward }) =>
        predicted !== undefined && reward > 0 === isDone && predicted.reward > 0 === saysDone
    ).length
  return {
    truePositive: count(true, true),
    falsePositive: count(false, true),
    trueNegative: count(false, false),
    falseNegative: count(true, false)
  }
}

const isExact = ({ observation, predicted }: Comparison): boolean =>
  predicted !== undefined && Format.isSameText(predicted.observation, observation)

/** What reveals something may go on to say what (`Knowledge.foresee`): that is no more predictable than the answer itself. */
const isReasonedExactly = ({ isNovel, predicted, reasoning }: Comparison): boolean => {
  if (predicted === undefined || reasoning === undefined) return false
  const said = predicted.reasoning
  return Format.isSameText(said, reasoning) || (isNovel && said.startsWith(`${reasoning} `))
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

const thingsIn = (text: string): ReadonlyArray<string> =>
  text.toLowerCase().match(/[a-z][a-z-]* \d+/g) ?? []
