/**
 * What an agent has seen and done so far: an immutable list that shares its tail, so that a pure function of a history
 * can remember its result for the history before. It holds visible text only, never hidden state.
 */

export interface Turn {
  readonly action: string
  readonly observation: string
}

/** `first` is the observation at the start; `previous` and `turn` are absent there. */
export interface History {
  readonly first: string
  readonly length: number
  readonly previous?: History
  readonly turn?: Turn
}

export const start = (first: string): History => ({ first, length: 0 })

export const append = (history: History, action: string, observation: string): History => ({
  first: history.first,
  length: history.length + 1,
  previous: history,
  turn: { action, observation }
})

/** What the agent sees now. */
export const observation = (history: History): string => history.turn?.observation ?? history.first

/** Turns, oldest first. */
export const turns = (history: History): ReadonlyArray<Turn> => {
  const reversed: Array<Turn> = []
  for (let at: History | undefined = history; at?.turn !== undefined; at = at.previous) {
    reversed.push(at.turn)
  }
  return reversed.toReversed()
}

export const fromTurns = (first: string, list: ReadonlyArray<Turn>): History =>
  list.reduce((history, turn) => append(history, turn.action, turn.observation), start(first))

/** A fold over a history that costs one update per turn, however often it is asked. */
export const memoizedFold = <S>(
  initial: (first: string) => S,
  update: (state: S, turn: Turn) => S
): ((history: History) => S) => {
  const known = new WeakMap<History, { readonly state: S }>()
  const fold = (history: History): S => {
    const found = known.get(history)
    if (found !== undefined) return found.state
    const state =
      history.previous === undefined || history.turn === undefined
        ? initial(history.first)
        : update(fold(history.previous), history.turn)
    known.set(history, { state })
    return state
  }
  return fold
}
