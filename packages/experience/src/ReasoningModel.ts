/**
 * The experience model made of a language model: it writes its reasoning, then the observation and whether the task is done.
 * It is neither trained here nor believed: a reply that does not parse is an error, never a guess.
 */
import {
  Ending,
  ExperienceModel,
  type Knowledge,
  LanguageModel,
  Lockstep,
  type Task
} from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { createHash } from "node:crypto"
import * as Consistency from "./Consistency.ts"
import { subject } from "./DreamTask.ts"
import * as Format from "./Format.ts"
import { shown } from "./Moments.ts"

/**
 * `knowledge` of a real environment, if any: with it prompts are abstract states and decoding keeps to what the text shows;
 * without, the prompt is the plain transcript. `temperature` 1, `minP` 0.03 and `maxTokens` 128 (of reasoning and observation)
 * unless told otherwise. `demonstrations` bounds those that a prompt shows; default: all that the request brings. Those of tasks
 * for which `isEvaluationTask` holds are never shown, should a buffer ever offer one. The form is that of its training.
 * `consistency`: when a reply is asked for again; never unless told otherwise, nor at temperature 0, where the answer is the same.
 */
export interface Options extends Format.Form {
  readonly name?: string
  readonly knowledge: (environment: string) => Knowledge.Knowledge | undefined
  readonly temperature?: number
  readonly minP?: number
  readonly maxTokens?: number
  readonly demonstrations?: number
  readonly isEvaluationTask?: (task: Task.Task) => boolean
  readonly consistency?: Consistency.Options
}

/**
 * All predictions of a lock-step round are one `generate` call (`Lockstep.batched`), and one more for each attempt at those that are
 * asked for again. Scores: `tokens` of all of these, `attempts` where there was more than one, and where the language model tells its log-probabilities (natural
 * log, as sampled) their `meanLogProbability` and `minLogProbability` over the last reply's tokens.
 */
export const make = (
  model: LanguageModel.Model,
  options: Options
): ExperienceModel.ExperienceModel["Service"] => {
  const name = options.name ?? model.name
  const { consistency = never } = options
  const attempts = options.temperature === 0 ? 1 : consistency.attempts
  const { call } = Lockstep.batched((asked: ReadonlyArray<Consistency.Asked>) =>
    Consistency.ask(model, asked, options, attempts)
  )
  const predict = Effect.fnUntraced(function* (request: ExperienceModel.PredictionRequest) {
    const prompt = promptOf(options, request)
    const knowledge = options.knowledge(request.task.environment)
    const wrongOf = Consistency.checkOf(request, knowledge, consistency, options)
    const answer = call({ prompt, wrongOf })
    const answered = yield* Effect.mapError(answer, (error) => predictionError(name, error))
    const { completion, reply } = answered
    return Result.isSuccess(reply)
      ? predictionOf(prompt, reply.success, answered)
      : yield* malformed(name, reply.failure, completion)
  })
  return ExperienceModel.ExperienceModel.of({ name, version: model.version, predict })
}

export const layer = (
  options: Options
): Layer.Layer<ExperienceModel.ExperienceModel, never, LanguageModel.LanguageModel> =>
  Layer.effect(
    ExperienceModel.ExperienceModel,
    Effect.map(LanguageModel.LanguageModel, (model) => make(model, options))
  )

/** The prompt of a request: what the language model is asked, with the words that would contradict the text ruled out. */
export const promptOf = (
  options: Options,
  request: ExperienceModel.PredictionRequest
): LanguageModel.Prompt => {
  const { action, key, task } = request
  const history = shown(request.history, options)
  const knowledge = options.knowledge(task.environment)
  const demonstrations = request.demonstrations
    .filter((found) => options.isEvaluationTask?.(subject(found.task)) !== true)
    .slice(0, options.demonstrations)
  const decoding = {
    key,
    maxTokens: options.maxTokens ?? 128,
    temperature: options.temperature ?? 1,
    minP: options.minP ?? 0.03,
    stop: [Format.tags.act, Format.tags.win]
  }
  if (knowledge === undefined) {
    const text = Format.plainPredictionPrompt(task, history, action, demonstrations, options)
    return { ...decoding, text }
  }
  const { forbidden, matches, once, text } = knowledge.question(task, history, action)
  const prompt = Format.predictionPrompt(text, action, demonstrations, options)
  return { ...decoding, text: prompt, forbidden, once, matches }
}

const never: Consistency.Options = {
  attempts: 1,
  contradiction: false,
  unearnedReward: false,
  missedReward: false
}

const predictionOf = (
  prompt: LanguageModel.Prompt,
  reply: Format.Reply,
  { attempts, completion, promptTokens, tokens }: Consistency.Answered
): ExperienceModel.Prediction => ({
  reasoning: reply.reasoning,
  observation: reply.observation,
  reward: reply.isDone ? 1 : 0,
  ...(reply.isDone ? { ending: Ending.terminated(true) } : {}),
  tokens,
  promptTokens,
  promptHash: createHash("sha256").update(prompt.text).digest("hex"),
  scores: {
    ...likelihoods(completion.logProbabilities),
    ...(attempts > 1 ? { attempts } : {}),
    tokens
  }
})

/** A model that tells no log-probabilities gets no score for them: 0 would say that it was certain. */
const likelihoods = (values: ReadonlyArray<number>): Record<string, number> =>
  values.length === 0
    ? {}
    : {
        meanLogProbability: values.reduce((sum, value) => sum + value, 0) / values.length,
        minLogProbability: values.reduce((least, value) => Math.min(least, value), 0)
      }

const shownCharacters = 500

const malformed = (name: string, wrong: string, completion: LanguageModel.Completion) => {
  const shown = completion.text.slice(0, shownCharacters)
  const cut =
    completion.finish === "Length"
      ? `; it was cut at ${completion.ids.length} tokens: raise maxTokens if that is common`
      : ""
  return new ExperienceModel.PredictionError({
    reason: "Malformed",
    model: name,
    message: `the reply of ${name} does not follow the format: ${wrong}${cut}`,
    reply: shown
  })
}

/** A refusal and an unreadable answer are replies that say nothing of the world; a bad request is answered by nobody. */
const reasons: Record<
  LanguageModel.LanguageModelError["reason"],
  ExperienceModel.PredictionError["reason"]
> = {
  Unavailable: "Unavailable",
  Timeout: "Timeout",
  Refused: "Malformed",
  BadRequest: "Unavailable",
  BadResponse: "Malformed"
}

const predictionError = (name: string, cause: LanguageModel.LanguageModelError) =>
  new ExperienceModel.PredictionError({
    reason: reasons[cause.reason],
    model: name,
    message: `${cause.model} (${cause.reason}): ${cause.message}`,
    cause
  })
