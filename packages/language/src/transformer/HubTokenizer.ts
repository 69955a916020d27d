/**
 * A tokenizer as Hugging Face keeps it, at work: text to ids and back, and a chat as one text.
 * It computes with transformers.js and fetches nothing; the household's own is `../Tokenizer.ts`.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { SpecialIds } from "./Config.ts"
import type { TokenizerFiles } from "./Folder.ts"

/** Tokenizer files that do not work, or a chat that the template refuses. */
export class HubTokenizerError extends Schema.TaggedError<HubTokenizerError>()(
  "HubTokenizerError",
  {
    reason: Schema.Literals(["Unusable", "NoTemplate", "Refused"]),
    message: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {}

/** One turn of a chat, as templates know it. */
export interface Message {
  readonly role: string
  readonly content: string
}

/** What the rest of the package knows of a tokenizer. */
export interface HubTokenizer {
  /** One more than the largest id. */
  readonly vocabularySize: number
  readonly specialIds: SpecialIds
  /** The files that it was made from, for `Export`. */
  readonly files: TokenizerFiles
  readonly hasChatTemplate: boolean
  /** Ids of a text; `hasSpecials` (default false) adds what the tokenizer puts around texts. */
  readonly encode: (
    text: string,
    options?: { readonly hasSpecials?: boolean }
  ) => ReadonlyArray<number>
  /** The text of ids; special tokens are left out unless `hasSpecials`. */
  readonly decode: (
    ids: ReadonlyArray<number>,
    options?: { readonly hasSpecials?: boolean }
  ) => string
  /** A chat as the text that the model was trained on; `asksForAnswer` (default true) opens one. */
  readonly chat: (
    messages: ReadonlyArray<Message>,
    options?: { readonly asksForAnswer?: boolean }
  ) => Result.Result<string, HubTokenizerError>
}

/** A working tokenizer. The library takes seconds to load, so it is loaded here and not before. */
export const make = Effect.fn("HubTokenizer.make")(function* (
  files: TokenizerFiles
): Effect.fn.Return<HubTokenizer, HubTokenizerError> {
  const { PreTrainedTokenizer } = yield* Effect.tryPromise({
    try: () => import("@huggingface/transformers"),
    catch: (cause) => unusable("@huggingface/transformers cannot be loaded; install it", cause)
  })
  return yield* Effect.try({
    try: () => working(new PreTrainedTokenizer(files.tokenizer, files.config), files),
    catch: (cause) =>
      unusable("these are no tokenizer.json and tokenizer_config.json; fetch them again", cause)
  })
})

const unusable = (message: string, cause: unknown) =>
  new HubTokenizerError({ reason: "Unusable", message: `${message}: ${String(cause)}`, cause })

/** The parts of the library's tokenizer that are used. */
interface Engine {
  readonly get_vocab: () => Map<string, number>
  readonly bos_token_id: number | undefined
  readonly eos_token_id: number | undefined
  readonly pad_token_id: number | undefined
  readonly encode: (
    text: string,
    options: { readonly add_special_tokens: boolean }
  ) => Array<number>
  readonly decode: (
    ids: Array<number>,
    options: {
      readonly skip_special_tokens: boolean
      readonly clean_up_tokenization_spaces: boolean
    }
  ) => string
  readonly apply_chat_template: (
    conversation: Array<{ role: string; content: string }>,
    options: { readonly tokenize: false; readonly add_generation_prompt: boolean }
  ) => string
}

const working = (engine: Engine, files: TokenizerFiles): HubTokenizer => {
  const ids = [...engine.get_vocab().values()]
  const { bos_token_id: bos, eos_token_id: eos, pad_token_id: pad } = engine
  const hasChatTemplate = (files.config["chat_template"] ?? null) !== null
  return {
    vocabularySize: ids.reduce((most, id) => Math.max(most, id), -1) + 1,
    specialIds: {
      ...(bos === undefined ? {} : { bos }),
      eos: eos === undefined ? [] : [eos],
      ...(pad === undefined ? {} : { pad })
    },
    files,
    hasChatTemplate,
    encode: (text, { hasSpecials = false } = {}) =>
      engine.encode(text, { add_special_tokens: hasSpecials }),
    decode: (all, { hasSpecials = false } = {}) =>
      engine.decode([...all], {
        skip_special_tokens: !hasSpecials,
        clean_up_tokenization_spaces: false
      }),
    chat: (messages, { asksForAnswer = true } = {}) =>
      hasChatTemplate
        ? rendered(engine, messages, asksForAnswer)
        : Result.fail(
            new HubTokenizerError({
              reason: "NoTemplate",
              message: "this tokenizer has no chat template: write the prompt as text"
            })
          )
  }
}

const rendered = (engine: Engine, messages: ReadonlyArray<Message>, asksForAnswer: boolean) =>
  Result.try({
    try: () =>
      engine.apply_chat_template(
        messages.map(({ content, role }) => ({ content, role })),
        { tokenize: false, add_generation_prompt: asksForAnswer }
      ),
    catch: (cause) =>
      new HubTokenizerError({
        reason: "Refused",
        message: `the chat template refuses these messages: ${String(cause)}`,
        cause
      })
  })
