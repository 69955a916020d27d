/**
 * The advantage estimators by name: from what the episodes of a group earned to what each of their
 * places was worth.
 * A place is a decision or a token; which, and what rewards hold, is the caller's.
 *
 * G episodes of a group, T places of an episode.
 */
import * as Advantage from "./Advantage.ts"

export type AdvEstimator = "gae" | "grpo" | "dr_grpo" | "rloo" | "reinforce_plus_plus"

/** What an episode earned at each place, in the order in which it was lived. */
export interface Stream {
  readonly rewardsT: ReadonlyArray<number>
  /** The critic's, before each place; all 0 where there is no critic. */
  readonly valuesT: ReadonlyArray<number>
  /** False where the policy chose nothing. */
  readonly maskT: ReadonlyArray<boolean>
  readonly bootstrap: number
}

/**
 * `comparesGroup`: an episode is judged by the others of its group. `hasCritic`: values are used
 * and learnt. `normalizes`: whether advantages are brought to mean 0 and deviation 1 over the update.
 */
export interface Estimator {
  readonly comparesGroup: boolean
  readonly hasCritic: boolean
  readonly normalizes: "as asked" | "never" | "always"
  readonly of: (
    groupG: ReadonlyArray<Stream>,
    options: Advantage.GaeOptions
  ) => ReadonlyArray<Advantage.Estimate>
}

const totalOf = ({ maskT, rewardsT }: Stream): number =>
  rewardsT.reduce((sum, reward, t) => (maskT[t] === false ? sum : sum + reward), 0)

/** One number for every place of an episode; the return is what it earned in all. */
const comparing = (
  advantagesOf: (returnsG: ReadonlyArray<number>) => ReadonlyArray<number> | undefined
): Estimator => ({
  comparesGroup: true,
  hasCritic: false,
  normalizes: "never",
  of: (groupG) => {
    const returnsG = groupG.map(totalOf)
    const advantagesG = advantagesOf(returnsG) ?? []
    return groupG.map(({ rewardsT }, g) => ({
      advantagesT: rewardsT.map(() => advantagesG[g] ?? 0),
      returnsT: rewardsT.map(() => returnsG[g] ?? 0)
    }))
  }
})

export const estimators: { readonly [name in AdvEstimator]: Estimator } = {
  gae: {
    comparesGroup: false,
    hasCritic: true,
    normalizes: "as asked",
    of: (groupG, options) =>
      groupG.map(({ bootstrap, maskT, rewardsT, valuesT }) =>
        Advantage.gae(rewardsT, valuesT, bootstrap, options, maskT)
      )
  },
  grpo: comparing(Advantage.groupRelative),
  dr_grpo: comparing(Advantage.groupCentred),
  rloo: comparing(Advantage.leaveOneOut),
  // REINFORCE++ (Hu 2025): the discounted return from each place on, normalised over the batch.
  reinforce_plus_plus: {
    comparesGroup: false,
    hasCritic: false,
    normalizes: "always",
    of: (groupG, { gamma }) =>
      groupG.map(({ maskT, rewardsT }) => {
        const none = rewardsT.map(() => 0)
        return Advantage.gae(rewardsT, none, 0, { gamma, gaeLambda: 1 }, maskT)
      })
  }
}
