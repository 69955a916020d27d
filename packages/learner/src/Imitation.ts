/**
 * From trajectories to rows for cloning: the state as the policy will see it, the action as it
 * would have had to choose it.
 * It copies what was done; whether that was good is the caller's choice of trajectories.
 */
import { History, type Knowledge, type Trajectory } from "@dreamgym/domain"
import { Constraint, Rows, Tokenizer } from "@dreamgym/language"

export interface ImitationOptions {
  readonly tokenizer: Tokenizer.Tokenizer
  readonly knowledge: Knowledge.Knowledge
  /** The policy's prompt for a state (`LanguagePolicy.statePrompt`). */
  readonly prompt: (state: string) => string
}

/**
 * One row per action that the visible text shows to be admissible; others (a `look`) could not be
 * chosen and are left out.
 */
export const rowsOf = (
  trajectory: Trajectory.Trajectory,
  options: ImitationOptions
): ReadonlyArray<Rows.Row> => {
  const rows: Array<Rows.Row> = []
  let history = History.start(trajectory.firstObservation)
  for (const { action, nextObservation } of trajectory.transitions) {
    const state = options.knowledge.describe(trajectory.task, history)
    const row = rowOf(state, action.text, options)
    if (row !== undefined) rows.push(row)
    history = History.append(history, action.text, nextObservation)
  }
  return rows
}

const rowOf = (
  state: Knowledge.AbstractState,
  action: string,
  { knowledge, prompt, tokenizer }: ImitationOptions
): Rows.Row | undefined => {
  const isSayable = (ids: ReadonlyArray<number>) => !ids.includes(Tokenizer.unknownId)
  const ids = tokenizer.encode(action)
  if (!state.admissible.includes(action) || !isSayable(ids)) return undefined
  const end = tokenizer.idOf.get("<act>") ?? 0
  let at: Constraint.Constraint | undefined = Constraint.fromSequences(
    state.admissible.map(tokenizer.encode).filter(isSayable),
    end
  )
  const choices = ids.map((id) => {
    const allowed = [...(at?.next.keys() ?? [])]
    at = at?.next.get(id)
    return allowed
  })
  const isPrefix = at?.next.has(end) ?? false
  const targets = isPrefix ? [...ids, end] : ids
  const all = isPrefix ? [...choices, [...(at?.next.keys() ?? [])]] : choices
  const read = Math.max(1, all.findLastIndex((allowed) => allowed.length > 1) + 1)
  return {
    promptIds: tokenizer.encode(prompt(state.text)),
    targetIds: targets.slice(0, read),
    weights: all.slice(0, read).map((allowed) => (allowed.length > 1 ? 1 : 0)),
    features: Rows.sparseFeatures(tokenizer, knowledge.features, state.matches),
    choices: all.slice(0, read)
  }
}
