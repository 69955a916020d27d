/**
 * Advantages and returns of a trajectory or of a group: arithmetic on rewards and values.
 * Normalising over a batch is done here too; which batch, says the learner.
 *
 * T decisions of a trajectory, G trajectories of a group, N numbers of a batch.
 */

export interface GaeOptions {
  readonly gamma: number
  readonly gaeLambda: number
}

/**
 * Generalised advantage estimation (Schulman et al. 2016, Eq. 16), one value per decision.
 * `bootstrap` is the value after the last decision: 0 where the episode truly ended, an estimate
 * where it was cut.
 * `returnsT` = advantages + values, before any normalising.
 */
export const gae = (
  rewardsT: ReadonlyArray<number>,
  valuesT: ReadonlyArray<number>,
  bootstrap: number,
  { gaeLambda, gamma }: GaeOptions
): { readonly advantagesT: ReadonlyArray<number>; readonly returnsT: ReadonlyArray<number> } => {
  const advantagesT: Array<number> = new Array(rewardsT.length).fill(0)
  let carried = 0
  let nextValue = bootstrap
  for (let t = rewardsT.length - 1; t >= 0; t--) {
    const value = valuesT[t] ?? 0
    const delta = (rewardsT[t] ?? 0) + gamma * nextValue - value
    carried = delta + gamma * gaeLambda * carried
    advantagesT[t] = carried
    nextValue = value
  }
  return { advantagesT, returnsT: advantagesT.map((advantage, t) => advantage + (valuesT[t] ?? 0)) }
}

/**
 * GRPO (Shao et al. 2024): return minus the group's mean over its population standard deviation +
 * 1e-6.
 * Undefined for a group of equal returns: it carries no gradient, and dividing would only blow up
 * noise.
 */
export const groupRelative = (
  returnsG: ReadonlyArray<number>
): ReadonlyArray<number> | undefined => {
  const { deviation, mean } = moments(returnsG)
  if (returnsG.length < 2 || deviation < 1e-6) return undefined
  return returnsG.map((total) => (total - mean) / (deviation + 1e-6))
}

/**
 * Mean 0 and deviation 1 over the batch (population deviation + 1e-8). Fewer than two numbers stay
 * as they are.
 */
export const normalize = (valuesN: ReadonlyArray<number>): ReadonlyArray<number> => {
  if (valuesN.length < 2) return valuesN
  const { deviation, mean } = moments(valuesN)
  return valuesN.map((value) => (value - mean) / (deviation + 1e-8))
}

/** 1 - Var(returns - values) / Var(returns); 0 where returns do not vary. */
export const explainedVariance = (
  valuesN: ReadonlyArray<number>,
  returnsN: ReadonlyArray<number>
): number => {
  const total = moments(returnsN).deviation ** 2
  const rest = moments(returnsN.map((value, n) => value - (valuesN[n] ?? 0))).deviation ** 2
  return total < 1e-12 ? 0 : 1 - rest / total
}

const moments = (
  values: ReadonlyArray<number>
): { readonly mean: number; readonly deviation: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  const variance =
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length)
  return { mean, deviation: Math.sqrt(variance) }
}
