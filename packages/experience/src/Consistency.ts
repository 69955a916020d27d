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

/** What must be asked for again: all of the reply, or only its observation, given its reasoning. */
export type Wrong = "Reply" | "Observation"

/** A prompt, and what of a reply to it disagrees with what came before. */
export interface Asked {
  readonly prompt: LanguageModel.Prompt
  readonly wrongOf: (reply: Format.Reply) => Wrong | undefined
}

/** The last completion, what its reply is, and what all `attempts` together read (`promptTokens`) and read and wrote (`tokens`). */
export interface Answered {
  readonly completion: LanguageModel.Completion
  readonly reply: Result.Result<Format.Reply, string>
  readonly attempts: number
  readonly promptTokens: number
  readonly tokens: number
}

/** The check of the replies to one request. An observation that does not bring what its reasoning foresees is wrong by any rules. */
export const checkOf = (
  { action, history, task }: ExperienceModel.PredictionRequest,
  knowledge: Knowledge.Knowledge | undefined,
  rules: Options,
  form: Format.Form
): Asked["wrongOf"] => {
  if (knowledge === undefined) return () => undefined
  const isReasoned = form.reasoning !== false
  return ({ isDone, observation, reasoning }) => {
    const before = knowledge.audit(task, history)
    const after = knowledge.audit(task, History.append(history, action, observation))
    if (!keeps(before, after, isDone, rules)) return "Reply"
    const foreseen = knowledge.foresee?.(task, history, action, observation) ?? ""
    return isReasoned && !reasoning.endsWith(foreseen) ? "Observation" : undefined
  }
}

const keeps = (
  before: Knowledge.Audit,
  after: Knowledge.Audit,
  isDone: boolean,
  { contradiction, missedReward, unearnedReward }: Options
): boolean => {
  if (after.malformed !== before.malformed) return false
  if (contradiction && after.contradictions > before.contradictions) return false
  return isDone ? after.success || !unearnedReward : !after.success || !missedReward
}

/**
 * Asks for all replies at once, then again, at once, for those that cannot be read or are wrong, each time with a key of its own.
 * What is still wrong after the last attempt is answered as it is: what becomes of it is for others to say.
 */
export const ask = Effect.fn("Consistency.ask")(function* (
  model: LanguageModel.Model,
  asked: ReadonlyArray<Asked>,
  form: Format.Form,
  attempts: number
) {
  const first = yield* model.generate(asked.map(({ prompt }) => prompt))
  const answered = first.map((completion) => answer(completion, form))
  for (let attempt = 1; attempt < attempts; attempt++) {
    const wrong = asked.flatMap(({ prompt, wrongOf }, place) => {
      const last = answered[place]
      const begun = last && begunAgain(last.reply, wrongOf)
      return begun === undefined ? [] : [{ last, place, begun, prompt }]
    })
    if (wrong.length === 0) break
    const again = yield* model.generate(
      wrong.map(({ begun, prompt }) => ({
        ...prompt,
        text: [prompt.text, ...begun].join(" "),
        key: Seed.key(prompt.key, "attempt", attempt)
      }))
    )
    wrong.forEach(({ begun, last, place }, index) => {
      const completion = again[index]
      if (completion === undefined) return
      const text = [...begun, completion.text].join(" ")
      answered[place] = answer({ ...completion, text }, form, last)
    })
  }
  return answered
})

/** The words that a reply that is wrong begins with when it is asked for again; undefined where nothing is wrong. */
const begunAgain = (
  reply: Answered["reply"],
  wrongOf: Asked["wrongOf"]
): ReadonlyArray<string> | undefined => {
  if (Result.isFailure(reply)) return []
  const wrong = wrongOf(reply.success)
  if (wrong === undefined) return undefined
  return wrong === "Reply" ? [] : [reply.success.reasoning, Format.tags.observation]
}

const answer = (
  completion: LanguageModel.Completion,
  form: Format.Form,
  before?: Answered
): Answered => ({
  completion,
  reply: Format.parseReply(completion.text, form),
  attempts: (before?.attempts ?? 0) + 1,
  promptTokens: (before?.promptTokens ?? 0) + completion.promptIds.length,
  tokens: (before?.tokens ?? 0) + completion.promptIds.length + completion.ids.length
})
