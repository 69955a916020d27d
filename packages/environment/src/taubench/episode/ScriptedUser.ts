/**
 * Customers without a model: one who says lines known beforehand, one who reads the instruction out, and a person.
 * The first two do not listen, or hardly; what they give is a benchmark that runs anywhere and always the same.
 */
import * as Effect from "effect/Effect"
import {
  greeting,
  stop,
  type Line,
  type UserSimulator,
  type UserSimulatorError
} from "./UserSimulator.ts"

/** Says these lines in order, whatever the agent says, and `###STOP###` when there are no more. */
export const fromLines = (lines: ReadonlyArray<string>): UserSimulator => ({
  name: "scripted:lines",
  start: () => Effect.succeed(lineAt(lines, 0))
})

/**
 * Says the whole instruction at once, agrees as long as the agent asks something (a question mark), and ends otherwise or
 * after `patience` questions (default 10).
 */
export const fromInstruction = (patience = 10): UserSimulator => ({
  name: "scripted:instruction",
  start: (instruction) => Effect.succeed(agreeing(instruction, patience))
})

/** A person: `ask` shows them a text (the instruction with the greeting, then what the agent says) and brings back their line. */
export const human = (
  ask: (shown: string) => Effect.Effect<string, UserSimulatorError>
): UserSimulator => {
  const asking = (shown: string): Effect.Effect<Line, UserSimulatorError> =>
    Effect.map(ask(shown), (text) => ({ text, reply: asking }))
  return { name: "human", start: (instruction) => asking(`${instruction}\n${greeting}`) }
}

const lineAt = (lines: ReadonlyArray<string>, index: number): Line => ({
  text: lines[index] ?? stop,
  reply: () => Effect.sync(() => lineAt(lines, index + 1))
})

const agreeing = (text: string, patience: number): Line => ({
  text,
  reply: (content) =>
    Effect.sync(() =>
      content.includes("?") && patience > 0
        ? agreeing("Yes, please.", patience - 1)
        : lineAt([stop], 0)
    )
})
