/** `dreamgym replay similar`: the transitions of a buffer that are most like a text, as the experience model would be shown them. */
import { ReplayBuffer } from "@dreamgym/domain"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Output from "../Output.ts"
import * as Target from "./BufferTarget.ts"
import { directory } from "./Resume.ts"

export const similar = Command.make(
  "similar",
  {
    buffer: Target.buffer,
    text: Argument.String("text").pipe(Argument.withDescription("What the agent observes")),
    directory,
    action: Flag.String("action").pipe(
      Flag.withDescription("What it does there (default: nothing is said of it)"),
      Flag.withDefault("")
    ),
    k: Flag.Int("k").pipe(
      Flag.withDescription("How many"),
      Flag.filter(
        (count) => count >= 1,
        (count) => `--k is ${count}; it must be at least 1`
      ),
      Flag.withDefault(8)
    ),
    ...Target.filterFlags
  },
  Effect.fn("BufferSimilar.run")(function* (given) {
    const file = yield* Target.locate(given.buffer, given.directory)
    const found = yield* ReplayBuffer.ReplayBuffer.use((buffer) =>
      buffer.similar({
        ...Target.filterOf(given),
        state: given.text,
        action: given.action,
        k: given.k
      })
    ).pipe(Effect.provide(Target.reading(file)))
    yield* Output.answer(
      found.map(jsonOf),
      found.length === 0 ? ["Nothing in the buffer is of this kind."] : found.flatMap(linesOf)
    )
  })
).pipe(
  Command.withDescription(
    "Find the transitions most like a text, by the words of observation and action"
  ),
  Command.withExamples([
    {
      command: 'dreamgym replay similar household-1 "a closed fridge" --action "open fridge 1"',
      description: "What happened when a fridge was opened"
    },
    {
      command: 'dreamgym replay similar household-1 "a mug" --source real -k 3 --json',
      description: "Three real ones, for a script"
    }
  ])
)

const jsonOf = ({ id, similarity, task, transition }: ReplayBuffer.Demonstration) => ({
  id,
  similarity,
  task: task.id,
  instruction: task.instruction,
  source: transition.provenance._tag === "Real" ? "real" : "synthetic",
  observation: transition.observation,
  action: transition.action.text,
  reward: transition.reward,
  nextObservation: transition.nextObservation
})

const linesOf = (found: ReplayBuffer.Demonstration): ReadonlyArray<string> => {
  const { action, id, nextObservation, observation, similarity, source } = jsonOf(found)
  return [
    `${similarity.toFixed(3)}  ${id} (${source})`,
    observation,
    `> ${action}`,
    nextObservation,
    ""
  ]
}
