/**
 * A task to be dreamt: a real task, told to the synthetic environment together with the first observation of the real world.
 * It makes no first observation up.
 */
import { Task } from "@dreamgym/domain"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** The name under which the synthetic environment is registered unless told otherwise. */
export const defaultName = "dream"

/** `of` is the real task, `observation` what its world shows first. */
export const DreamPayload = Schema.Struct({ of: Task.Task, observation: Schema.String })
export interface DreamPayload extends Schema.Schema.Type<typeof DreamPayload> {}

/** The same task (id, instruction, seed, origin) in the synthetic environment called `environment`. */
export const dreamTask = (
  realTask: Task.Task,
  firstObservation: string,
  environment: string = defaultName
): Task.Task => {
  const payload: DreamPayload = { of: realTask, observation: firstObservation }
  return { ...realTask, environment, payload }
}

/** The payload of a dream task, none for any other task. */
export const payloadOf = (task: Task.Task): Option.Option<DreamPayload> =>
  Schema.decodeUnknownOption(DreamPayload)(task.payload)

/** The real task behind a task: what it is a dream of, or the task itself. `Knowledge` is asked about this one. */
export const subject = (task: Task.Task): Task.Task =>
  Option.match(payloadOf(task), { onNone: () => task, onSome: (payload) => payload.of })
