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

/** Of each place: what it is worth beyond the critic's value, and what the critic should say. */
export interface Estimate {
  readonly advantagesT: ReadonlyArray<number>
  readonly returnsT: ReadonlyArray<number>
}

/**
 * Generalised advantage estimation (Schulman et al. 2016, Eq. 16), one value per place: a decision,
 * or a token. `bootstrap` is the value after the last place: 0 where the episode truly ended, an
 * estimate where it was cut.
 * Places where `maskT` is false are no choices of the policy (observations, forced tokens): what
 * comes after is carried across them, neither discounted nor charged, and they get 0.
 * `returnsT` = advantages + values, before any normalising.
 */
export const gae = (
  rewardsT: ReadonlyArray<number>,
  valuesT: ReadonlyArray<number>,
  bootstrap: number,
  { gaeLambda, gamma }: GaeOptions,
  maskT: ReadonlyArray<boolean> = []
): Estimate => {
  const advantagesT: Array<number> = new Array(rewardsT.length).fill(0)
  let carried = 0
  let nextValue = bootstrap
  for (let t = rewardsT.length - 1; t >= 0; t--) {
    if (maskT[t] === false) continue
    const value = valuesT[t] ?? 0
    const delta = (rewardsT[t] ?? 0) + gamma * nextValue - value
    carried = delta + gamma * gaeLambda * carried
    advantagesT[t] = carried
    nextValue = value
  }
  const returnsT = advantagesT.map((advantage, t) =>
    maskT[t] === false ? 0 : advantage + (valuesT[t] ?? 0)
  )
  return { advantagesT, returnsT }
}

/** Whether the returns of a group tell its members apart: two at least that differ. */
export const isInformative = (returnsG: ReadonlyArray<number>): boolean =>
  returnsG.length >= 2 && moments(returnsG).deviation >= 1e-6

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
  if (!isInformative(returnsG)) return undefined
  return returnsG.map((total) => (total - mean) / (deviation + 1e-6))
}

/** Dr.GRPO (Liu et al. 2025): return minus the group's mean, its deviation left as it is. */
export const groupCentred = (returnsG: ReadonlyArray<number>): ReadonlyArray<number> => {
  const { mean } = moments(returnsG)
  return returnsG.map((total) => total - mean)
}

/** RLOO (Kool et al. 2019; Ahmadian et al. 2024): return minus the mean of the others'. */
export const leaveOneOut = (returnsG: ReadonlyArray<number>): ReadonlyArray<number> => {
  const others = Math.max(1, returnsG.length - 1)
  const total = returnsG.reduce((sum, one) => sum + one, 0)
  return returnsG.map((one) => one - (total - one) / others)
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

/** What is normalised of a decision: its advantage, or those of its tokens. */
export interface Worth {
  readonly advantage: number
  readonly tokens?: {
    readonly advantages: ReadonlyArray<number>
    readonly returns: ReadonlyArray<number>
    readonly oldValues: ReadonlyArray<number>
  }
  readonly source?: "real" | "synthetic"
}

/**
 * All advantages brought to mean 0 and deviation 1, those of real and of dreamt decisions apart: a
 * dream pays otherwise than the world, and neither scale is to set the other's.
 */
export const whitened = <D extends Worth>(decisions: ReadonlyArray<D>): ReadonlyArray<D> => {
  const ofSource = (source: Worth["source"]) => {
    const own = decisions.filter((decision) => (decision.source ?? "real") === source)
    return normalize(own.flatMap((decision) => advantagesOf(decision))).values()
  }
  const left = { real: ofSource("real"), synthetic: ofSource("synthetic") }
  return decisions.map((decision) => {
    const next = () => left[decision.source ?? "real"].next().value ?? 0
    const { tokens } = decision
    return tokens === undefined
      ? { ...decision, advantage: next() }
      : { ...decision, tokens: { ...tokens, advantages: tokens.advantages.map(next) } }
  })
}

const advantagesOf = ({ advantage, tokens }: Worth): ReadonlyArray<number> =>
  tokens?.advantages ?? [advantage]

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
