/**
 * The settings of a policy gradient and of a learner of trajectory groups, in the field's names.
 * What contradicts what is `Rules`; what each does stands where it is done.
 */
import type { DecisionOptions } from "./Decisions.ts"
import type { EntryOptions } from "./Entries.ts"
import type { GroupOptions } from "./Groups.ts"
import type { PolicyLossOptions } from "./Loss.ts"
import type { Trained } from "./Model.ts"

/**
 * `lr` is the learning rate of an update of this learner, counted from 0. `targetKl` > 0 ends the
 * epochs once `approx_kl` of a minibatch passes it 1.5 times. A KL coefficient needs `reference`.
 */
export interface PolicyGradientOptions extends PolicyLossOptions, EntryOptions {
  readonly lr: (update: number) => number
  readonly ppoEpochs: number
  readonly miniBatchSize: number
  readonly maxGradNorm: number
  readonly targetKl: number
  /**
   * So many updates at first train the critic alone: what the policy says stays as it was, bit for
   * bit, while its version and `lr` count on. Default 0. Parameters named `critic.*` are the
   * critic's.
   */
  readonly criticWarmup?: number
  /** The critic's learning rate over `lr` (usual with models of language: 5 to 10). Default 1. */
  readonly criticLrFactor?: number
  readonly seed: number
  /** Of Adam; by default 0.9, 0.95, 1e-8 and no decay. */
  readonly adam?: {
    readonly beta1?: number
    readonly beta2?: number
    readonly epsilon?: number
    readonly weightDecay?: number
  }
  /** The same network with numbers of its own, which no update changes. */
  readonly reference?: Trained
  /** The first of the pool's threads that it uses. */
  readonly worker?: number
}

/**
 * With which of the five estimators, over which groups. `groupSize`: with which trajectories are
 * collected, where that is known.
 */
export interface PolicyLearnerOptions extends PolicyGradientOptions, GroupOptions, DecisionOptions {
  readonly groupSize?: number
}
