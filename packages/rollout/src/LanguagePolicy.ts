/**
 * A policy that is a language model: the state becomes a prompt, the completion an action.
 * It neither trains nor samples; it asks a `LanguageModel` and keeps the exact tokens of the answer.
 */
import {
  History,
  type Knowledge,
  LanguageModel,
  Lockstep,
  Policy,
  type Task,
  type Trajectory
} from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Stands between the state and the action; the value head is read at it. */
export const actTag = "<act>"

/** The prompt where the world is known: the abstract state, then the tag. */
export const statePrompt = (text: string): string => `${text} ${actTag}`

/** The words of the plain transcript, where nothing is known of the world. */
export const taskLabel = "Task:"
export const observationLabel = "Observation:"
export const actionLabel = "Action:"

/** The whole transcript, one turn per pair of lines; it ends where the action must come. */
export const transcriptPrompt = (instruction: string, history: History.History): string =>
  [
    `${taskLabel} ${instruction}`,
    `${observationLabel} ${history.first}`,
    ...History.turns(history).flatMap((turn) => [
      `${actionLabel} ${turn.action}`,
      `${observationLabel} ${turn.observation}`
    ]),
    actionLabel
  ].join("\n")

/**
 * `knowledge` of a task's environment, if any. `temperature` 0 is greedy. `maxTokens` bounds one action.
 * `name` is the policy's name in trajectories; default: the model's.
 */
export interface Options {
  readonly name?: string
  readonly knowledge: (environment: string) => Knowledge.Knowledge | undefined
  readonly temperature: number
  readonly maxTokens: number
  readonly minP?: number
}

/** All decisions of a lock-step round are one `generate` call (`Lockstep.batched`). */
export const make = (model: LanguageModel.Model, options: Options): Policy.Policy["Service"] => {
  const name = options.name ?? model.name
  const { call } = Lockstep.batched(answersOf(model))
  const act = Effect.fnUntraced(function* (decision: Policy.Decision) {
    const prompt = promptOf(options, decision)
    if (prompt.allowed?.length === 0) return yield* noAdmissibleAction(name, decision.task)
    const answer = yield* Effect.mapError(call(prompt), (error) => policyError(name, error))
    const text = textOf(answer.completion.text)
    return isAnswer(prompt, text)
      ? actionOf(text, answer, prompt.temperature)
      : yield* notAnAction(name, answer.completion.text)
  })
  return Policy.Policy.of({ name, version: model.version, act })
}

export const layer = (
  options: Options
): Layer.Layer<Policy.Policy, never, LanguageModel.LanguageModel> =>
  Layer.effect(
    Policy.Policy,
    Effect.map(LanguageModel.LanguageModel, (model) => make(model, options))
  )

interface Answer {
  readonly completion: LanguageModel.Completion
  readonly version: number
}

const answersOf =
  (model: LanguageModel.Model) =>
  (
    prompts: ReadonlyArray<LanguageModel.Prompt>
  ): Effect.Effect<ReadonlyArray<Answer>, LanguageModel.LanguageModelError> =>
    Effect.zipWith(model.version, model.generate(prompts), (version, completions) =>
      completions.map((completion) => ({ completion, version }))
    )

const promptOf = (
  options: Options,
  { history, key, task }: Policy.Decision
): LanguageModel.Prompt => {
  const { maxTokens, minP, temperature } = options
  const settings = { key, maxTokens, temperature, ...(minP === undefined ? {} : { minP }) }
  const knowledge = options.knowledge(task.environment)
  if (knowledge === undefined) {
    return { ...settings, text: transcriptPrompt(task.instruction, history), stop: ["\n"] }
  }
  const { admissible, matches, text } = knowledge.describe(task, history)
  return { ...settings, text: statePrompt(text), allowed: admissible, matches }
}

/** The stop word and the blanks around an action are not the action. */
const textOf = (completion: string): string => completion.trim()

const isAnswer = (prompt: LanguageModel.Prompt, text: string): boolean =>
  prompt.allowed === undefined ? text !== "" : prompt.allowed.includes(text)

/** A served model that tells no tokens leaves no span: nothing can be learned from its action but the text. */
const actionOf = (
  text: string,
  { completion, version }: Answer,
  temperature: number
): Trajectory.Action => {
  const { choices, features, ids, logProbabilities, promptIds, value } = completion
  if (ids.length === 0) return { text }
  const span: Trajectory.TokenSpan = {
    promptIds,
    ids,
    logProbabilities,
    ...(choices === undefined ? {} : { choices }),
    ...(features === undefined ? {} : { features }),
    value: value ?? 0,
    temperature,
    policyVersion: version,
    context: { _tag: "Fresh" }
  }
  return { text, span }
}

const noAdmissibleAction = (policy: string, task: Task.Task) =>
  new Policy.PolicyError({
    reason: "NoAdmissibleAction",
    policy,
    message: `the text of task ${task.id} (${task.environment}) shows no possible action`
  })

const notAnAction = (policy: string, completion: string) =>
  new Policy.PolicyError({
    reason: "Malformed",
    policy,
    message: `the completion ${JSON.stringify(completion.slice(0, 200))} is no possible action; a longer maxTokens may help`
  })

/** A reply that cannot be read is the model's fault; every other failure may pass by itself or wants another setting. */
const policyError = (policy: string, cause: LanguageModel.LanguageModelError) =>
  new Policy.PolicyError({
    reason: cause.reason === "BadResponse" ? "Malformed" : "Unavailable",
    policy,
    message: `model ${cause.model}: ${cause.message}`,
    cause
  })
