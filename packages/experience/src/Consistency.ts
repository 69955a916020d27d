/**
 * Whether a reply of the experience model agrees with the text so far, and asking again where it does not.
 * It reads what `Knowledge` can audit of a text; it knows no hidden state, and where nothing is known it doubts nothing.
 */
import {
  type ExperienceModel,
  History,
  type Knowledge,
  type LanguageModel,
  Seed
} from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Format from "./Format.ts"

/**
 * `attempts`: how often a reply may be asked for in all (1: never again). Beside what cannot be read, these make a reply be asked
 * for again: it contradicts the text (`contradiction`), it rewards what the text does not show done (`unearnedReward`), or not what
 * it shows done (`missedReward`). They are the quality filter's rules of the same names, asked at the step where they are broken.
 */
export interface Options {
  readonly attempts: number
  readonly contradiction: boolean
  readonly unearnedReward: boolean
  readonly missedReward: boolean
}

/** A prompt, and whether a reply to it agrees with what came before. */
export interface Asked {
  readonly prompt: LanguageModel.Prompt
  readonly isConsistent: (reply: Format.Reply) => boolean
}

/** The last completion, and what all `attempts` together read and wrote. */
export interface Answered {
  readonly completion: LanguageModel.Completion
  readonly attempts: number
  readonly tokens: number
}

/** The check of the replies to one request. */
export const checkOf = (
  { action, history, task }: ExperienceModel.PredictionRequest,
  knowledge: Knowledge.Knowledge | undefined,
  { contradiction, missedReward, unearnedReward }: Options
): Asked["isConsistent"] => {
  if (knowledge === undefined) return () => true
  const before = knowledge.audit(task, history)
  return ({ isDone, observation }) => {
    const after = knowledge.audit(task, History.append(history, action, observation))
    if (after.malformed !== before.malformed) return false
    if (contradiction && after.contradictions > before.contradictions) return false
    return isDone ? after.success || !unearnedReward : !after.success || !missedReward
  }
}

/**
 * Asks for all replies at once, then again, at once, for those that cannot be read or are inconsistent, each time with a key of its
 * own. What is still wrong after the last attempt is answered as it is: what becomes of it is for others to say.
 */
export const ask = Effect.fn("Consistency.ask")(function* (
  model: LanguageModel.Model,
  asked: ReadonlyArray<Asked>,
  form: Format.Form,
  attempts: number
) {
  const first = yield* model.generate(asked.map(({ prompt }) => prompt))
  const answered = first.map((completion) => answer(completion))
  for (let attempt = 1; attempt < attempts; attempt++) {
    const wrong = asked.flatMap((one, place) => {
      const last = answered[place]
      return last === undefined || isFine(one, last.completion, form) ? [] : [{ last, one, place }]
    })
    if (wrong.length === 0) break
    const again = yield* model.generate(wrong.map(({ one }) => withKey(one.prompt, attempt)))
    wrong.forEach(({ last, place }, index) => {
      const completion = again[index]
      if (completion !== undefined) answered[place] = answer(completion, last)
    })
  }
  return answered
})

const withKey = (prompt: LanguageModel.Prompt, attempt: number): LanguageModel.Prompt => ({
  ...prompt,
  key: Seed.key(prompt.key, "attempt", attempt)
})

const answer = (completion: LanguageModel.Completion, before?: Answered): Answered => ({
  completion,
  attempts: (before?.attempts ?? 0) + 1,
  tokens: (before?.tokens ?? 0) + completion.promptIds.length + completion.ids.length
})

const isFine = (
  { isConsistent }: Asked,
  { text }: LanguageModel.Completion,
  form: Format.Form
): boolean => {
  const reply = Format.parseReply(text, form)
  return Result.isSuccess(reply) && isConsistent(reply.success)
}
