/**
 * A pool that opens from its easiest tasks on, as the agent masters them.
 * It is a function of what the curriculum remembers, so a checkpoint needs no more than that.
 */
import type { Curriculum, Task } from "@dreamgym/domain"

/**
 * `difficultyOf`: any scale, only its order counts. The easiest `start` of the pool is open from the beginning; the next tenth opens
 * once the mean return on the hardest open tenth is at least `target`: on the last ten of its tasks that were tried, three at least.
 */
export interface Growing {
  readonly difficultyOf: (task: Task.Task) => number
  readonly start: number
  readonly target: number
}

const parts = 10

/** Fewer tasks of a tenth that were tried say nothing about it. */
const leastTried = 3

/** What was tried long before these was tried by a worse agent. */
const mostTried = 10

/** The tenths of a pool, the easiest first; equally hard tasks in the order of their ids. */
const tenthsOf = (
  pool: ReadonlyArray<Task.Task>,
  { difficultyOf }: Growing
): ReadonlyArray<ReadonlyArray<Task.Task>> => {
  const ranked = pool
    .map((task) => ({ task, difficulty: difficultyOf(task) }))
    .toSorted((a, b) => a.difficulty - b.difficulty || (a.task.id < b.task.id ? -1 : 1))
    .map(({ task }) => task)
  const edge = (part: number) => Math.round((part * ranked.length) / parts)
  return Array.from({ length: parts }, (_, part) => ranked.slice(edge(part), edge(part + 1)))
}

/** `tried` are the records with attempts, the one offered last at the end. */
const isMastered = (
  tenth: ReadonlyArray<Task.Task>,
  tried: ReadonlyArray<Curriculum.TaskRecord>,
  target: number
): boolean => {
  const names = new Set(tenth.map(nameOf))
  const last = tried.filter(({ task }) => names.has(nameOf(task))).slice(-mostTried)
  const mean = last.reduce((sum, { meanReturn }) => sum + meanReturn, 0) / Math.max(1, last.length)
  // Ten times 0.6 is a little less than 6.
  return last.length >= Math.min(leastTried, tenth.length) && mean >= target - 1e-9
}

/** The tasks of a pool that are open by what is remembered, in the order of the pool. How hard they are is asked once. */
export const opening = (
  pool: ReadonlyArray<Task.Task>,
  growing: Growing
): ((records: ReadonlyArray<Curriculum.TaskRecord>) => ReadonlyArray<Task.Task>) => {
  const tenths = tenthsOf(pool, growing)
  const first = Math.max(1, Math.min(parts, Math.ceil(growing.start * parts)))
  return (records) => {
    const tried = records.filter(({ attempts }) => attempts > 0)
    let count = first
    while (count < parts && isMastered(tenths[count - 1] ?? [], tried, growing.target)) count++
    const opened = new Set(tenths.slice(0, count).flat().map(nameOf))
    return pool.filter((task) => opened.has(nameOf(task)))
  }
}

const nameOf = (task: Task.Task): string => `${task.environment}\n${task.id}`
