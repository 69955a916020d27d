/**
 * How hard a task is, and houses from easy to as hard as their rung.
 * It says nothing of the agent: what is hard for that one is in the curriculum's records.
 */
import type { Task } from "@dreamgym/domain"
import type { Difficulty as Of } from "@dreamgym/environment/household/Difficulty"
import * as Generator from "@dreamgym/environment/household/Generator"
import * as Goal from "@dreamgym/environment/household/Goal"
import * as Rung from "@dreamgym/environment/household/Rung"
import * as DreamTask from "@dreamgym/experience/DreamTask"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/** The steps of a goal for somebody who knows where everything is, about. */
const steps: Readonly<Record<Goal.GoalKind, number>> = {
  put: 4,
  look: 4,
  clean: 6,
  hot: 6,
  cool: 6,
  two: 8
}

/** An open place is one step to look at, a closed one two; one object is found half-way, two later. */
const expected = (instruction: string, places: number, closed: number): number => {
  const kind = Goal.parse(instruction)?.kind ?? "put"
  return steps[kind] + (places + closed) * (kind === "two" ? 0.75 : 0.5)
}

/** Of a house, its dreams and its generated tasks: from the house that was drawn. A task of no house is as hard as its goal. */
export const ofHouse = (task: Task.Task): number => {
  const real = DreamTask.subject(task)
  const request = Generator.requestOf(real)
  if (Result.isFailure(request)) return expected(real.instruction, 0, 0)
  const { open = [], places } = Generator.layout(request.success)
  const { openable } = Rung.rungs[request.success.rung]
  const isOpen = new Set(open)
  const closed = places.filter(({ kind }, i) => openable.includes(kind) && !isOpen.has(i)).length
  return expected(real.instruction, places.length, closed)
}

/** From the goal, and of a dream from the places that its first observation names. */
export const ofText = (task: Task.Task): number => {
  const seen = Option.match(DreamTask.payloadOf(task), {
    onNone: () => "",
    onSome: ({ observation }) => observation
  })
  const places = new Set(seen.toLowerCase().match(/[a-z]+ \d+/g) ?? [])
  return expected(DreamTask.subject(task).instruction, places.size, 0)
}

/** Four levels of a rung's houses: the smallest, empty of what nobody asks for and all open, first; the rung's own (undefined) last. */
export const levelsOf = ({ houseSize }: Rung.Rung): ReadonlyArray<Of | undefined> => {
  const [least, greatest] = houseSize
  const level = (share: number): Of => ({
    receptacles: [least, Math.round(least + share * (greatest - least))],
    distractors: [0, Math.round(4 * share)],
    closedShare: share
  })
  return [level(0), level(1 / 3), level(2 / 3), undefined]
}

/** Tasks of all levels by turns: task i is of level i mod their number, so that any part of the sequence has all. */
export const interleaved = (
  levels: ReadonlyArray<Of | undefined>,
  count: number,
  offset: number,
  tasksOf: (level: Of | undefined, count: number, offset: number) => ReadonlyArray<Task.Task>
): ReadonlyArray<Task.Task> => {
  const turnsBefore = (place: number, level: number) =>
    Math.max(0, Math.ceil((place - level) / levels.length))
  const byLevel = levels.map((level, i) => {
    const from = turnsBefore(offset, i)
    return tasksOf(level, turnsBefore(offset + count, i) - from, from)
  })
  const used = levels.map(() => 0)
  return Array.from({ length: count }, (_, i) => (offset + i) % levels.length).flatMap((level) => {
    const task = byLevel[level]?.[used[level] ?? 0]
    used[level] = (used[level] ?? 0) + 1
    return task === undefined ? [] : [task]
  })
}
