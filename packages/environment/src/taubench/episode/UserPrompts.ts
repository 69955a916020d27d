/**
 * What the language models behind a customer are told: the rules of the role, and what a supervisor checks.
 * It is text only; the strategies that use it are in `LanguageUser`. The content is that of tau-bench's user simulation
 * (sierra-research/tau-bench, `envs/user.py`), restated.
 */
import * as Chat from "./Chat.ts"
import { stop } from "./UserSimulator.ts"

const opening = (instruction: string): string =>
  `You are a user interacting with an agent.\n\nInstruction: ${instruction}\n`

const rules = (before: ReadonlyArray<string>, ending: string): string =>
  [
    "Rules:",
    ...before,
    "- Do not give away all the instruction at once. Only provide what is needed for the current step.",
    "- Do not make up information that the instruction does not give. If the agent asks for an order id, say, that is not in the instruction, do not invent one: just say that you do not remember it or do not have it.",
    ending,
    "- Do not repeat the exact instruction in the conversation. Convey the same information in your own words.",
    "- Keep the conversation as natural as possible, and stick to the personality in the instruction."
  ].join("\n")

/** The role, where the answer is the line itself. */
export const speak = (instruction: string): string =>
  `${opening(instruction)}${rules(
    ["- Just generate one line at a time to simulate the user's message."],
    `- If the goal of the instruction is satisfied, generate '${stop}' as a standalone message, without anything else, to end the conversation.`
  )}`

/** What stands before the line in an answer that thinks first. */
export const responseLabel = "User Response:"
export const thoughtLabel = "Thought:"

/** The role, where a thought comes before the line. */
export const thinkThenSpeak = (instruction: string): string =>
  `${opening(instruction)}${rules(
    [
      "- First, generate a Thought about what to do next (it will not be sent to the agent).",
      "- Then, generate a one line User Response to simulate the user's message (it will be sent to the agent)."
    ],
    `- If the goal of the instruction is satisfied, generate '${stop}' as the User Response, without anything else, to end the conversation.`
  )}

Format:

${thoughtLabel}
<the thought>

${responseLabel}
<the user response (this will be parsed and sent to the agent)>`

const transcriptOf = (messages: ReadonlyArray<Chat.Message>): string =>
  messages.map(({ content, role }) => `${Chat.labels[role]}: ${content}`).join("\n")

/** Asks a supervisor whether a line will do; the answer is `true` or `false`. */
export const verify = (messages: ReadonlyArray<Chat.Message>, line: string): string =>
  `You are a supervisor of the Agent in the conversation. You are given a Transcript of a conversation between a Customer and an Agent. The Customer has generated a Response, and you need to verify whether it is satisfactory (true) or not (false).
Your answer will be parsed, so do not include any text other than the classification (true or false).

# Transcript:
${transcriptOf(messages)}

# Response:
${line}

-----

Classification:`

/** What stands before the better line that a supervisor proposes. */
export const correctionLabel = "Response:"

/** Asks a supervisor what went wrong with a line, and for a better one. */
export const reflect = (messages: ReadonlyArray<Chat.Message>, line: string): string =>
  `You are a supervisor of the Agent in the conversation. You are given a Transcript of a conversation between a (simulated) Customer and an Agent. The Customer generated a Response that you marked as unsatisfactory.
You need to generate a Reflection on what went wrong in the conversation, and propose a new Response that should fix the issues.
Your answer will be parsed, so keep exactly to the format.

# Transcript:
${transcriptOf(messages)}

# Response:
${line}

# Format:

Reflection:
<the reflection>

${correctionLabel}
<the response (this will be parsed and sent to the agent)>`
