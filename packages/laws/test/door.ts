/** A toy world: a locked door that opens when the key is turned and the door is pushed. */
import { Ending, Environment, type History, type Knowledge, Task } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

export const actions = ["turn key", "look", "push"]

export const task: Task.Task = {
  id: "door-1",
  environment: "door",
  instruction: "open the door",
  seed: 0,
  payload: null,
  origin: Task.original
}

const provenance = { _tag: "Real", environment: "door", version: "1" } as const

/** What a broken door does otherwise. */
export interface Flaws {
  readonly observation?: (text: string) => string
  readonly step?: (step: Environment.Step) => Environment.Step
  readonly isOneForAll?: boolean
  readonly staysOpen?: boolean
  readonly admissible?: ReadonlyArray<string>
  readonly leaks?: boolean
  readonly leaksInterrupted?: boolean
  readonly dies?: (text: string) => boolean
  readonly locksAgain?: boolean
  readonly endsOnNonsense?: boolean
  readonly echoes?: boolean
  readonly lists?: () => ReadonlyArray<string>
  readonly rewardsNonsense?: boolean
  readonly goesDeaf?: boolean
  readonly crashesOnTasks?: boolean
  readonly leaksInStep?: boolean
}

interface Room {
  isUnlocked: boolean
  isDone: boolean
}

const closed = new Environment.EnvironmentError({
  reason: "Closed",
  environment: "door",
  message: "this episode is over; start another"
})

/** `open` counts the rooms in use. */
export const door = (flaws: Flaws = {}) => {
  let inUse = 0
  const shared: Room = { isUnlocked: false, isDone: false }
  const start = Effect.fnUntraced(function* (given: Task.Task) {
    if (flaws.crashesOnTasks && given.payload !== null) {
      return yield* Effect.die(new Error("no such task"))
    }
    const room = flaws.isOneForAll ? shared : { isUnlocked: false, isDone: false }
    room.isUnlocked = false
    room.isDone = false
    inUse++
    if (!flaws.leaks) {
      yield* Effect.addFinalizer((exit) =>
        Exit.isFailure(exit) && flaws.leaksInterrupted
          ? Effect.void
          : Effect.sync(() => (inUse--, (room.isDone = true)))
      )
    }
    const tell = flaws.observation ?? ((text: string) => text)
    const step = ({ text }: { readonly text: string }) =>
      Effect.suspend(() => {
        if (room.isDone && !flaws.staysOpen) return Effect.fail(closed)
        if (text === "break") return Effect.fail(closed)
        if (flaws.dies?.(text)) return Effect.die(new Error("the world crashed"))
        const isNonsense = !actions.includes(text.trim())
        if (isNonsense && flaws.locksAgain) room.isUnlocked = false
        if (text === "turn key") room.isUnlocked = true
        const isOpened = text === "push" && room.isUnlocked
        room.isDone = isOpened || (isNonsense && flaws.goesDeaf === true)
        const observation = isOpened
          ? "the door is open"
          : `the door is ${room.isUnlocked ? "unlocked" : "locked"}`
        const made: Environment.Step = {
          observation: tell(flaws.echoes ? `${text}: ${observation}` : observation),
          reward: isOpened || (isNonsense && flaws.rewardsNonsense) ? 1 : 0,
          provenance,
          ...(isOpened || (isNonsense && flaws.endsOnNonsense)
            ? { ending: Ending.terminated(true) }
            : {})
        }
        const answer = Effect.succeed(flaws.step?.(made) ?? made)
        return flaws.leaksInStep ? busily(answer) : answer
      })
    const busily = <A>(answer: Effect.Effect<A>) =>
      Effect.sync(() => inUse++).pipe(
        Effect.andThen(Effect.sleep("5 millis")),
        Effect.andThen(Effect.sync(() => inUse--)),
        Effect.andThen(answer)
      )
    const admissible = Effect.sync(() => flaws.lists?.() ?? flaws.admissible ?? actions)
    return { observation: tell("the door is locked"), step, admissible }
  })
  const environment: Environment.Environment = { name: "door", version: "1", start }
  return { environment, open: Effect.sync(() => inUse) }
}

/** What may be told about the door from its text. */
export const knowledge: Knowledge.Knowledge = {
  features: [],
  lexicon: ["door", "key", "push", "turn", "look", "locked", "unlocked", "open"],
  describe: (_task: Task.Task, history: History.History) => ({
    text: history.turn?.observation ?? history.first,
    admissible: actions,
    matches: {}
  }),
  question: () => ({ text: "", matches: {}, forbidden: [], once: [] }),
  annotate: () => "",
  audit: () => ({ success: false, contradictions: 0, goalSeen: false }),
  relabel: () => undefined,
  restate: () => undefined
}
