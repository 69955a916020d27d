/**
 * A control task: states, a few actions, rewards, an end. The classic worlds on which a learner is
 * checked before it is trusted. It is no environment of the library: no text, no faults, no
 * effects.
 */

/** What an action brought; `isOver`: the task itself ended (the step limit is counted outside). */
export interface Outcome<S> {
  readonly state: S
  readonly reward: number
  readonly isOver: boolean
}

/**
 * States are immutable. `observe` gives `observationSize` numbers; actions are 0..`actions` - 1;
 * after `stepLimit` steps an episode is cut. All randomness is drawn from `random`.
 */
export interface ControlTask<S> {
  readonly name: string
  readonly observationSize: number
  readonly actions: number
  readonly stepLimit: number
  readonly start: (random: () => number) => S
  readonly step: (state: S, action: number, random: () => number) => Outcome<S>
  readonly observe: (state: S) => ReadonlyArray<number>
}
