/**
 * The one place where the experience model's text is written and read: prompts, replies, and what is wrong with a bad reply.
 * It asks no model and knows no world.
 *
 * Known worlds: `[<demo> ACTION <obs> OBSERVATION ]*k QUESTION <act> ACTION <think>`, answered by
 * `REASONING <obs> OBSERVATION <act>` (reward 0, the episode goes on) or `REASONING <obs> OBSERVATION <win>` (reward 1, done).
 * Without reasoning (`Form`) the question ends with `<obs>` in place of `<think>`, and its answer is what follows `<obs>` above.
 * The task generator: `HOUSE <task>`, answered by `INSTRUCTION <act>`. Worlds without Knowledge get the same question in plain
 * sentences, for a large model, and are held to the same reply.
 */
import { History, type ReplayBuffer, type Task } from "@dreamgym/domain"
import * as Result from "effect/Result"

/** The special words, by what they mean; each is one token of a vocabulary of ours. */
export const tags = {
  pad: "<pad>",
  unknown: "<unk>",
  act: "<act>",
  think: "<think>",
  observation: "<obs>",
  win: "<win>",
  task: "<task>",
  demonstration: "<demo>"
} as const

/** In the order of their ids: `<pad>` is 0. */
export const specialWords = [
  tags.pad,
  tags.unknown,
  tags.act,
  tags.think,
  tags.observation,
  tags.win,
  tags.task,
  tags.demonstration
] as const

/** Longest reply that is read, in UTF-16 units; a longer one is malformed. */
export const maxReplyCharacters = 8000

/** Longest instruction that a task generator may write, in UTF-16 units. */
export const maxInstructionCharacters = 400

/**
 * What the experience model is shown and asked for; all of it unless told otherwise (paper, Eq. 4 and 5). Without `history` a prompt
 * is made of `Moments.shown`; without `reasoning` the model writes the next observation and the ending at once.
 */
export interface Form {
  readonly history?: boolean
  readonly reasoning?: boolean
}

/** What the experience model says of one action. `isDone` stands for reward 1 and the end, else reward 0 and no end. */
export interface Reply {
  readonly reasoning: string
  readonly observation: string
  readonly isDone: boolean
}

/** Foreign text may not speak in special words: "<win>" becomes "(win)", blanks and lines are joined. */
export const harmless = (text: string): string =>
  text
    .replaceAll(/<(pad|unk|act|think|obs|win|task|demo)>/gi, "($1)")
    .replaceAll(/\s+/g, " ")
    .trim()

/** The prompt of one prediction, from the text of `Knowledge.question`. */
export const predictionPrompt = (
  question: string,
  action: string,
  demonstrations: ReadonlyArray<ReplayBuffer.Demonstration>,
  form: Form = {}
): string =>
  [
    ...demonstrations.map(demonstrationText),
    harmless(question),
    tags.act,
    harmless(action),
    opening(form)
  ].join(" ")

/** The prompt of one prediction for a model that reads plain sentences. */
export const plainPredictionPrompt = (
  task: Task.Task,
  history: History.History,
  action: string,
  demonstrations: ReadonlyArray<ReplayBuffer.Demonstration>,
  form: Form = {}
): string =>
  [
    "You are the world in which an agent works on a task. Say what its last action brings.",
    ...(form.reasoning === false ? plainWish : plainWishToReason),
    ...section("Experience with similar actions:", demonstrations.map(plainDemonstration)),
    `Task: ${harmless(task.instruction)}`,
    `Observation: ${harmless(history.first)}`,
    ...History.turns(history).flatMap((turn) => [
      `Action: ${harmless(turn.action)}`,
      `Observation: ${harmless(turn.observation)}`
    ]),
    `Action: ${harmless(action)}`,
    opening(form)
  ].join("\n")

/** The parts of a reply; `reasoning` closes with `<obs>`, which says that the reasoning is complete. */
export const replyParts = (reply: Reply) => ({
  reasoning: `${harmless(reply.reasoning)} ${tags.observation}`.trim(),
  observation: harmless(reply.observation),
  ending: reply.isDone ? tags.win : tags.act
})

/** A reply as text: `parseReply` reads it back. */
export const replyText = (reply: Reply, form: Form = {}): string => {
  const { ending, observation, reasoning } = replyParts(reply)
  return form.reasoning === false
    ? `${observation} ${ending}`
    : `${reasoning} ${observation} ${ending}`
}

/**
 * Reads a reply strictly; the failure says what was wrong. A first `<think>` may be repeated from the prompt, the reasoning may
 * be empty; there is exactly one `<obs>`, an observation, one `<act>` or `<win>` at the very end, and no other special word.
 * Without reasoning, `<obs>` may be repeated from the prompt, and stands nowhere else.
 */
export const parseReply = (text: string, form: Form = {}): Result.Result<Reply, string> => {
  const said = withoutFirst(text.trim(), opening(form))
  const opened = form.reasoning === false ? `${tags.observation} ${said}` : said
  if (text.length > maxReplyCharacters) {
    return Result.fail(`it is longer than ${maxReplyCharacters} characters`)
  }
  const ending = [tags.act, tags.win].find((tag) => opened.endsWith(tag))
  if (ending === undefined) return Result.fail(`it does not end with ${tags.act} or ${tags.win}`)
  const parts = opened.slice(0, -ending.length).split(tags.observation)
  const [reasoning, observation] = parts.map((part) => part.trim())
  if (reasoning === undefined || observation === undefined || parts.length !== 2) {
    return Result.fail(
      form.reasoning === false
        ? `it holds ${tags.observation}, before which only reasoning could stand`
        : `it holds ${tags.observation} ${parts.length - 1} times instead of once`
    )
  }
  const stray = specialWords.find((word) => reasoning.includes(word) || observation.includes(word))
  if (stray !== undefined) return Result.fail(`it holds a stray ${stray}`)
  if (observation === "") return Result.fail("its observation is empty")
  return Result.succeed({ reasoning, observation, isDone: ending === tags.win })
}

/** The prompt of the task generator: the house, and the wish for a task. */
export const taskPrompt = (house: string): string => `${harmless(house)} ${tags.task}`

/** The same wish in plain sentences; `instruction` is the seed task's. */
export const plainTaskPrompt = (house: string, instruction: string): string =>
  [
    "Write one new task for the world below: a somewhat harder variation of the given one, possible there and clearly worded.",
    `Reply with the instruction alone, in one line, and end it with ${tags.act}.`,
    `World: ${harmless(house)}`,
    `Given task: ${harmless(instruction)}`,
    "New task:"
  ].join("\n")

/** The reply of the task generator; `parseTaskReply` reads it back. */
export const taskReplyText = (instruction: string): string => `${harmless(instruction)} ${tags.act}`

/** Reads an instruction strictly: one `<act>`, at the end; some text before it, on one line and within the bound. */
export const parseTaskReply = (text: string): Result.Result<string, string> => {
  const reply = text.trim()
  if (!reply.endsWith(tags.act)) return Result.fail(`it does not end with ${tags.act}`)
  const instruction = reply.slice(0, -tags.act.length).trim()
  const stray = specialWords.find((word) => instruction.includes(word))
  if (stray !== undefined) return Result.fail(`it holds a stray ${stray}`)
  if (instruction === "") return Result.fail("it is empty")
  if (instruction.includes("\n")) return Result.fail("it has more than one line")
  return instruction.length > maxInstructionCharacters
    ? Result.fail(`it is longer than ${maxInstructionCharacters} characters`)
    : Result.succeed(instruction)
}

/**
 * What a first observation says of the place alone: without a game's banner ("-= ... =-") and without the task, be it after the
 * words "Your task is to:" or in a line that repeats the instruction. Two tasks with the same house text are in the same house.
 */
export const houseText = (firstObservation: string, instruction: string): string => {
  const beforeTask = firstObservation.slice(0, taskPlace(firstObservation))
  const lines = beforeTask
    .split("\n")
    .filter((line) => !/^\s*-=.*=-\s*$/.test(line) && !mentions(line, instruction))
  return harmless(lines.join(" "))
}

/** A first observation told under another instruction. Where it does not name its task, it stays as it is. */
export const retell = (firstObservation: string, from: string, to: string): string => {
  if (mentions(firstObservation, from)) return firstObservation.replaceAll(from, () => to)
  const place = taskPlace(firstObservation)
  return place === firstObservation.length
    ? firstObservation
    : `${firstObservation.slice(0, place)}${taskWords} ${to}`
}

/** Texts that differ in blanks alone are equal: a tokenizer does not keep blanks. */
export const isSameText = (a: string, b: string): boolean => tight(a) === tight(b)

/** The word with which a prompt ends and a reply begins. */
const opening = ({ reasoning = true }: Form): string => (reasoning ? tags.think : tags.observation)

const plainWishToReason = [
  "First reason in one or two sentences: is the action possible here, and does it complete the task?",
  `Then write ${tags.observation} and the observation exactly as the world would word it. End with ${tags.win} if the task is`,
  `now completed, else with ${tags.act}. An action that is impossible changes nothing. Contradict nothing seen before.`,
  `Reply in this form only: REASONING ${tags.observation} OBSERVATION ${tags.act}`
]

const plainWish = [
  `Write the observation at once, exactly as the world would word it. End with ${tags.win} if the task is`,
  `now completed, else with ${tags.act}. An action that is impossible changes nothing. Contradict nothing seen before.`,
  `Reply in this form only: OBSERVATION ${tags.act}`
]

const taskWords = "Your task is to:"

const taskPlace = (text: string): number => {
  const place = text.toLowerCase().indexOf(taskWords.toLowerCase())
  return place < 0 ? text.length : place
}

const mentions = (text: string, instruction: string): boolean =>
  instruction !== "" && text.includes(instruction)

const tight = (text: string): string => text.replaceAll(/\s+/g, "")

const withoutFirst = (text: string, word: string): string =>
  text.startsWith(word) ? text.slice(word.length) : text

const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : [title, ...lines]

const demonstrationText = ({ transition }: ReplayBuffer.Demonstration): string =>
  `${tags.demonstration} ${harmless(transition.action.text)} ${tags.observation} ${harmless(transition.nextObservation)}`

const plainDemonstration = ({ transition }: ReplayBuffer.Demonstration): string =>
  `- in "${harmless(transition.observation)}" the action "${harmless(transition.action.text)}" brought "${harmless(transition.nextObservation)}"`
