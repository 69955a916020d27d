/**
 * Experience as conversations, one JSON line per trajectory, for supervised training by others (TRL's `messages`).
 * It is a way out only: what a conversation does not say (rewards, provenance, tokens) is not in it.
 *
 * `{"messages": [{"role", "content"}, ...]}`: `system` is the task's instruction, then `user` (what the agent observed) and
 * `assistant` (its action's text) take turns; the last one is the last action, because nobody answers what it brought.
 */
import { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import type { FormatError } from "./FormatError.ts"
import * as TextFile from "./TextFile.ts"

export interface Message {
  readonly role: "system" | "user" | "assistant"
  readonly content: string
}

export interface Conversation {
  readonly messages: ReadonlyArray<Message>
}

/** `leftOut`: those that nobody should imitate. */
export interface Written {
  readonly conversations: number
  readonly leftOut: number
}

/**
 * Writes the conversations of `trajectories`, gzipped where the name ends in `.gz`. A trajectory that was rejected, that failed or that has
 * no transition is left out. Whether failures to solve the task are wanted is for the caller to decide.
 */
export const write = <E, R>(
  file: string,
  trajectories: Stream.Stream<Trajectory.Trajectory, E, R>
): Effect.Effect<Written, E | FormatError, R | FileSystem.FileSystem> =>
  Effect.suspend(() => {
    let leftOut = 0
    const lines = trajectories.pipe(
      Stream.filter((trajectory) => {
        if (isImitable(trajectory)) return true
        leftOut++
        return false
      }),
      Stream.map((trajectory) => JSON.stringify(conversationOf(trajectory)))
    )
    return Effect.map(TextFile.write(file, lines), (conversations) => ({ conversations, leftOut }))
  })

export const isImitable = (trajectory: Trajectory.Trajectory): boolean =>
  !Trajectory.isRejected(trajectory) &&
  trajectory.ending._tag !== "Failed" &&
  trajectory.transitions.length > 0

/** Half of a surrogate pair becomes U+FFFD: others' tokenizers refuse it. */
export const conversationOf = ({ task, transitions }: Trajectory.Trajectory): Conversation => ({
  messages: [
    said("system", task.instruction),
    ...transitions.flatMap(({ action, observation }) => [
      said("user", observation),
      said("assistant", action.text)
    ])
  ]
})

const said = (role: Message["role"], content: string): Message => ({
  role,
  content: content.toWellFormed()
})
