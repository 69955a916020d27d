/**
 * What is known of a kind of world, as pure functions of its visible text: the same code serves the real world and the dream.
 * None of it may read hidden state. Small models need it (an abstract textual state, as the paper uses); large ones read the
 * plain transcript and do without.
 */
import type { History } from "./History.ts"
import type { Task } from "./Task.ts"
import type { Trajectory } from "./Trajectory.ts"

/**
 * A short text that stands for the history, the actions that the text shows to be possible, and exact-match features:
 * `matches[feature]` lists the words to which the feature applies. A word without number ("mug") stands for its whole kind
 * ("mug", "mug 1", "mug 2"), one with number for itself.
 */
export interface AbstractState {
  readonly text: string
  readonly admissible: ReadonlyArray<string>
  readonly matches: Readonly<Record<string, ReadonlyArray<string>>>
}

/** The state as seen by who must answer `action`, with the words that no consistent answer may hold. */
export interface Question {
  readonly text: string
  readonly matches: Readonly<Record<string, ReadonlyArray<string>>>
  /** Words that contradict what the text shows (an object that lies elsewhere). */
  readonly forbidden: ReadonlyArray<string>
  /** Words that may stand at most once in the answer. */
  readonly once: ReadonlyArray<string>
}

/**
 * What a transcript shows, judged from its text alone: was the task really done, how often does the text contradict
 * itself, was the goal object ever seen, and the first malformed reply if any.
 */
export interface Audit {
  readonly success: boolean
  readonly contradictions: number
  readonly goalSeen: boolean
  readonly malformed?: string
}

/** A trajectory told under another task. `novel[i]`: transition i reveals something new, on which no loss may be put. */
export interface Relabelled {
  readonly trajectory: Trajectory
  readonly novel: ReadonlyArray<boolean>
}

export interface Knowledge {
  /** Names of the exact-match features, in a fixed order. */
  readonly features: ReadonlyArray<string>
  /** Every word or phrase that is one token of this world's language; a vocabulary is made from it and the data. */
  readonly lexicon: ReadonlyArray<string>
  readonly describe: (task: Task, history: History) => AbstractState
  readonly question: (task: Task, history: History, action: string) => Question
  /** The reasoning R* that explains why `action` leads to this observation and reward (paper, Eq. 5). */
  readonly annotate: (
    task: Task,
    history: History,
    action: string,
    observation: string,
    reward: number
  ) => string
  /**
   * What R* says last: what the answer will reveal that the text cannot tell ("the goal object is here"), "" where it reveals
   * nothing. Told under another task no loss may be put on it. Without it R* ends with `annotate`.
   */
  readonly foresee?: (task: Task, history: History, action: string, observation: string) => string
  readonly audit: (task: Task, history: History) => Audit
  /** Undefined where this trajectory cannot be told under the task that was drawn. */
  readonly relabel: (trajectory: Trajectory, random: () => number) => Relabelled | undefined
  /** The same world with another instruction; undefined where the instruction is malformed or impossible there. */
  readonly restate: (task: Task, instruction: string) => Task | undefined
}
