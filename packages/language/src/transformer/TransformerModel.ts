/**
 * A transformer with its tokenizer as a `LanguageModel`: texts in, texts with their exact tokens out.
 * It honours what can be said in tokens and refuses the rest; it never changes the parameters.
 */
import { LanguageModel } from "@dreamgym/domain"
import type { Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Constraint from "../Constraint.ts"
import * as Decoding from "./decoding/Decoding.ts"
import type { HubTokenizer } from "./HubTokenizer.ts"

/** The parts of a tokenizer that are used. */
export type Words = Pick<HubTokenizer, "encode" | "decode" | "specialIds">

/** The transformer, and how much of it runs at once. */
export interface Options extends Decoding.Options {
  readonly name: string
  readonly tokenizer: Words
  /** Tells when the parameters have changed, and which version an answer is of. */
  readonly version: Effect.Effect<number>
  /** Texts that are kept, so that a prompt that goes on from one is read only where it does; default 64. */
  readonly memories?: number
}

/** Fails where the parameters do not fit the configuration, or the sizes are no sizes. */
export const make = Effect.fn("TransformerModel.make")(function* (
  options: Options
): Effect.fn.Return<
  LanguageModel.Model,
  Decoding.DecodingError,
  Session.SessionPool | Scope.Scope
> {
  const decoding = yield* Decoding.make(options)
  const recall = yield* decoding.recall(options.memories ?? 64)
  const answer = (asked: Asked) =>
    recall(asked.request).pipe(
      Effect.map((said) => completionOf(options, asked, said)),
      Effect.mapError((error) => asLanguageModelError(options, asked, error))
    )
  return {
    name: options.name,
    version: options.version,
    generate: (prompts) =>
      Effect.forEach(prompts, (prompt) => Effect.fromResult(askedOf(options, prompt))).pipe(
        Effect.flatMap((all) => Effect.forEach(all, answer, { concurrency: "unbounded" }))
      )
  }
})

/** A prompt as the decoding is asked it. */
interface Asked {
  readonly prompt: LanguageModel.Prompt
  readonly request: Decoding.Request & { readonly history: ReadonlyArray<number> }
  /** The allowed texts with their ids. */
  readonly texts: ReadonlyArray<Text>
}

interface Text {
  readonly text: string
  readonly ids: ReadonlyArray<number>
}

const askedOf = (
  options: Options,
  prompt: LanguageModel.Prompt
): Result.Result<Asked, LanguageModel.LanguageModelError> => {
  const { allowed, key, maxTokens, minP = 0, stop = [], temperature, text } = prompt
  const texts = (allowed ?? [])
    .map((one) => ({ text: one, ids: options.tokenizer.encode(one) }))
    .filter(({ ids }) => ids.length > 0)
  const problem = problemOf(options, prompt, texts)
  if (problem !== undefined) return Result.fail(badRequest(options, prompt, problem))
  return Result.succeed({
    prompt,
    texts,
    request: {
      history: options.tokenizer.encode(text),
      key,
      maxTokens,
      sampling: { temperature, minP },
      stops: eosOf(options),
      withChoices: minP > 0,
      // Allowed texts end where they end.
      ...(allowed === undefined
        ? { isOver: (said) => hasStop(options, stop, said) }
        : { allowed: treeOf(options, texts) })
    }
  })
}

/** Why a prompt cannot be honoured, in words. What the decoding itself refuses is not repeated. */
const problemOf = (
  options: Options,
  { allowed, forbidden = [], matches = {}, once = [], stop = [] }: LanguageModel.Prompt,
  texts: ReadonlyArray<Text>
): string | undefined => {
  const words = [...forbidden, ...once]
  if (words.length > 0)
    return `"${words[0]}" can be spelt in several ways of tokens, so it cannot be ruled out`
  const feature = Object.keys(matches)[0]
  if (feature !== undefined) return `the network has no feature "${feature}"`
  if (stop.includes("")) return "an empty stop would end every text before it began"
  if (allowed !== undefined && texts.length === 0)
    return `none of the ${allowed.length} allowed texts has a token`
  const isInner = texts.find(({ ids }) => texts.some((other) => continues(other.ids, ids)))
  return isInner !== undefined && eosOf(options).length === 0
    ? `the allowed text "${isInner.text}" begins another, and the tokenizer has no token to end it with`
    : undefined
}

const continues = (longer: ReadonlyArray<number>, ids: ReadonlyArray<number>): boolean =>
  longer.length > ids.length && ids.every((id, at) => longer[at] === id)

const eosOf = ({ config, tokenizer }: Options): ReadonlyArray<number> => [
  ...new Set([...tokenizer.specialIds.eos, ...config.specialIds.eos])
]

const treeOf = (options: Options, texts: ReadonlyArray<Text>): Constraint.Constraint =>
  Constraint.fromSequences(
    texts.map(({ ids }) => ids),
    eosOf(options)[0] ?? -1
  )

/**
 * Whether a stop stands at the end of what was said. A token is at least one byte of UTF-8, so that a
 * stop lies in the last three tokens for each of its characters; some before them keep its first blank.
 */
const hasStop = (
  { tokenizer }: Options,
  stop: ReadonlyArray<string>,
  said: ReadonlyArray<number>
): boolean => {
  if (stop.length === 0) return false
  const longest = Math.max(...stop.map((word) => word.length))
  const tail = tokenizer.decode(said.slice(-(3 * longest + 4)), { hasSpecials: true })
  return stop.some((word) => tail.includes(word))
}

const completionOf = (
  options: Options,
  { prompt, request, texts }: Asked,
  { choices, finish, ids, logProbabilities, value }: Decoding.Generated
): LanguageModel.Completion => ({
  text: textOf(options, prompt, texts, { finish, ids }),
  finish,
  promptIds: request.history,
  ids,
  logProbabilities,
  ...(choices === undefined ? {} : { choices }),
  ...(value === undefined ? {} : { value })
})

/** The allowed text that was chosen, or the tokens' text, without the token that only ends it. */
const textOf = (
  options: Options,
  { stop = [] }: LanguageModel.Prompt,
  texts: ReadonlyArray<Text>,
  { finish, ids }: Pick<Decoding.Generated, "finish" | "ids">
): string => {
  const last = ids.at(-1)
  const isEnded = finish === "Stop" && last !== undefined && eosOf(options).includes(last)
  const said = isEnded && !hasStop(options, stop, [last]) ? ids.slice(0, -1) : ids
  const chosen = finish === "Stop" && texts.find((one) => one.ids.join() === said.join())
  return chosen ? chosen.text : options.tokenizer.decode(said, { hasSpecials: true })
}

const badRequest = ({ name }: Options, { text }: LanguageModel.Prompt, problem: string) =>
  new LanguageModel.LanguageModelError({
    reason: "BadRequest",
    model: name,
    message: `${problem} (prompt ${JSON.stringify(text.slice(-80))})`
  })

const reasons = {
  EmptyPrompt: "BadRequest",
  TooLong: "BadRequest",
  UnknownToken: "BadRequest",
  BadSampling: "BadRequest",
  NothingAllowed: "BadRequest",
  BadWeights: "Unavailable",
  BadSize: "Unavailable",
  NotFinite: "BadResponse",
  EngineFailed: "Unavailable"
} as const satisfies Record<
  Decoding.DecodingError["reason"],
  LanguageModel.LanguageModelError["reason"]
>

const asLanguageModelError = (options: Options, { prompt }: Asked, cause: Decoding.DecodingError) =>
  reasons[cause.reason] === "BadRequest"
    ? badRequest(options, prompt, cause.message)
    : new LanguageModel.LanguageModelError({
        reason: reasons[cause.reason],
        model: options.name,
        message: cause.message,
        cause
      })
