/**
 * Looking up similar experience for a prediction: at training, in the dream and in measurements by the same rule.
 * What may be in the buffer at all (never evaluation data) is the buffer's promise.
 */
import { History, type Knowledge, type ReplayBuffer, type Task } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { subject } from "./DreamTask.ts"
import type { Form } from "./Format.ts"
import { shown } from "./Moments.ts"

/**
 * At most `k` demonstrations are asked for; with `realOnly` none of them is synthetic. `admits` may refuse further ones (a task's
 * own, say), which leaves fewer than `k`. Without `history` the state is that of `Moments.shown`, as it must be in the memory.
 */
export interface Options extends Pick<Form, "history"> {
  readonly k: number
  readonly retrieval: ReplayBuffer.Retrieval["Service"]
  readonly realOnly?: boolean
  readonly admits?: (demonstration: ReplayBuffer.Demonstration, task: Task.Task) => boolean
}

export interface Situation {
  readonly task: Task.Task
  readonly history: History.History
  readonly action: string
  readonly knowledge: Knowledge.Knowledge | undefined
  readonly excludeTrajectory?: string
}

/**
 * Experience like `action` in this situation, of the same real environment, most similar first. The state is the abstract one
 * where the world is known, else the last observation (phi(s, a) of the paper, section 1.2).
 */
export const find = (
  options: Options | undefined,
  situation: Situation
): Effect.Effect<ReadonlyArray<ReplayBuffer.Demonstration>, ReplayBuffer.ReplayBufferError> => {
  if (options === undefined || options.k <= 0) return Effect.succeed([])
  const { admits, k, realOnly = false, retrieval } = options
  const task = subject(situation.task)
  const exclude = situation.excludeTrajectory
  return Effect.map(
    retrieval.similar({
      state: stateText({ ...situation, history: shown(situation.history, options) }, task),
      action: situation.action,
      k,
      // A dreamt trajectory is kept under the dream's name, so a filter by name would hide it.
      ...(realOnly ? { source: "Real", environment: task.environment } : {}),
      ...(exclude === undefined ? {} : { excludeTrajectory: exclude })
    }),
    (found) =>
      found.filter(
        (demonstration) =>
          subject(demonstration.task).environment === task.environment &&
          (admits?.(demonstration, task) ?? true)
      )
  )
}

const stateText = ({ history, knowledge }: Situation, task: Task.Task): string =>
  knowledge === undefined ? History.observation(history) : knowledge.describe(task, history).text
