/**
 * Whether an agent did what is said in words: the assertions of tau2-bench, judged by a language model.
 * It is asked only where a task has such assertions; nothing counts as fulfilled that nobody judged.
 */
import type { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Chat } from "../taubench/episode/Chat.ts"
import type { Entry } from "../taubench/episode/Conversation.ts"
import * as Text from "../taubench/python/Text.ts"

/** The judge did not answer, or not in the form asked for; the episode has no score then. */
export class JudgeError extends Schema.TaggedError<JudgeError>()("JudgeError", {
  reason: Schema.Literals(["Unavailable", "Timeout", "BadAnswer"]),
  judge: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** One verdict per assertion, in their order. */
export interface Judge {
  readonly name: string
  readonly judge: (
    assertions: ReadonlyArray<string>,
    entries: ReadonlyArray<Entry>,
    key: Seed.Key
  ) => Effect.Effect<ReadonlyArray<boolean>, JudgeError>
}

/** A language model as the judge, with the question of the original (`evaluator_nl_assertions.py`), restated. */
export const fromChat = (chat: Chat): Judge => ({
  name: chat.name,
  judge: Effect.fn("Judge.judge")(function* (assertions, entries, key) {
    const question = promptOf(assertions, entries)
    const answer = yield* Effect.mapError(
      chat.answer([{ role: "user", content: question }], key),
      (cause) =>
        new JudgeError({ reason: cause.reason, judge: chat.name, message: cause.message, cause })
    )
    return yield* verdictsOf(chat.name, assertions.length, answer)
  })
})

const Verdicts = Schema.fromJsonString(
  Schema.Struct({
    results: Schema.Array(
      Schema.Struct({
        expectedOutcome: Schema.optionalKey(Schema.String),
        reasoning: Schema.optionalKey(Schema.String),
        metExpectation: Schema.Boolean
      })
    )
  })
)

const decode = Schema.decodeUnknownResult(Verdicts)

/** The JSON object in the answer. The original takes a missing verdict for a good one; here each must be there. */
const verdictsOf = (judge: string, count: number, answer: string) => {
  const json = answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1)
  const results = Result.getOrUndefined(decode(json))?.results
  return results === undefined || results.length !== count
    ? Effect.fail(
        new JudgeError({
          reason: "BadAnswer",
          judge,
          message: `${judge} should have answered JSON with ${count} results, each with metExpectation; take a larger model or allow more tokens`
        })
      )
    : Effect.succeed(results.map(({ metExpectation }) => metExpectation))
}

const lineOf = (entry: Entry): string => {
  if (entry._tag === "Agent") return `assistant: ${entry.content}`
  if (entry._tag === "User") return `user: ${entry.content}`
  return `assistant: ${entry.name}(${Text.json(entry.arguments)})\ntool: ${entry.result}`
}

const promptOf = (assertions: ReadonlyArray<string>, entries: ReadonlyArray<Entry>): string =>
  `TASK
- You are given a list of expected outcomes and a conversation that was collected during a test run.
- The conversation is between an agent and a customer.
- Evaluate whether the agent satisfies each of the expected outcomes. Grade each one individually.

FORMAT
Answer with a JSON object and nothing else. Its results are in the order of the expected outcomes:
{"results": [{"expectedOutcome": "<the outcome, repeated>", "reasoning": "<a short explanation>", "metExpectation": <true or false>}]}

conversation:
${entries.map(lineOf).join("\n")}

expectedOutcomes:
${JSON.stringify(assertions)}`
