/**
 * The contracts of the curriculum and of the task generator: which tasks come next.
 * They choose tasks; they never give a reward.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { Task } from "./Task.ts"
import type { TrajectoryGroup } from "./Trajectory.ts"

export class TaskGeneratorError extends Schema.TaggedError<TaskGeneratorError>()(
  "TaskGeneratorError",
  {
    reason: Schema.Literals(["Unavailable", "NoSeedTasks"]),
    message: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {}

/** M_task of the paper (Eq. 6): well-formed, new variations of the seed tasks, at most `perSeed` of each. */
export class TaskGenerator extends Context.Service<
  TaskGenerator,
  {
    readonly variations: (
      seeds: ReadonlyArray<Task>,
      options: { readonly perSeed: number; readonly key: number }
    ) => Stream.Stream<Task, TaskGeneratorError>
  }
>()("@dreamgym/domain/TaskGenerator") {}

/**
 * More of a task, where a score asks for it: the mean return of the group before the last (of the last where there was none), the best
 * return ever, and the mean distance of the last group's returns from their mean.
 */
export const TaskHistory = Schema.Struct({
  previousMean: Schema.Finite,
  best: Schema.Finite,
  absoluteAdvantage: Schema.Finite
})
export interface TaskHistory extends Schema.Schema.Type<typeof TaskHistory> {}

/** What the curriculum knows of a task. `variance` is the population variance of the group's returns (Eq. 7). */
export const TaskRecord = Schema.Struct({
  task: Task,
  attempts: Schema.Int,
  meanReturn: Schema.Finite,
  variance: Schema.Finite,
  history: Schema.optionalKey(TaskHistory)
})
export interface TaskRecord extends Schema.Schema.Type<typeof TaskRecord> {}

/**
 * `propose(n)`: at most a share lambda of the tasks is generated, and a quota goes to tasks on which every attempt failed
 * (their variance is 0, so it would never choose them).
 */
export class Curriculum extends Context.Service<
  Curriculum,
  {
    readonly observe: (groups: ReadonlyArray<TrajectoryGroup>) => Effect.Effect<void>
    readonly propose: (
      count: number,
      key: number
    ) => Effect.Effect<ReadonlyArray<Task>, TaskGeneratorError>
    readonly records: Effect.Effect<ReadonlyArray<TaskRecord>>
    readonly restore: (records: ReadonlyArray<TaskRecord>) => Effect.Effect<void>
  }
>()("@dreamgym/domain/Curriculum") {}
