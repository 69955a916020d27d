/**
 * How an arm is drawn: the same in every figure.
 * It says nothing of how good an arm is.
 */

/** `colour` as #rrggbb. */
export interface Look {
  readonly colour: string
  readonly isDashed?: boolean
}

/**
 * Colours that readers who see few of them tell apart too, by lightness (Okabe and Ito 2008, with a darker kin for the longer real arms).
 * PPO has the strong colour of a kind, GRPO the light one.
 */
const byArm: Readonly<Record<string, Look>> = {
  sft: { colour: "#000000" },
  dpo: { colour: "#cc79a7" },
  grpo_real: { colour: "#e69f00" },
  ppo_real: { colour: "#d55e00" },
  grpo_real_10x: { colour: "#a98600", isDashed: true },
  ppo_real_10x: { colour: "#7f2704", isDashed: true },
  grpo_dream: { colour: "#56b4e9" },
  ppo_dream: { colour: "#0072b2" },
  ppo_dream_brief: { colour: "#4a90c2" },
  grpo_s2r: { colour: "#7fcdb0" },
  ppo_s2r: { colour: "#009e73" },
  no_filter: { colour: "#a6611a" },
  uniform: { colour: "#4d4d4d" },
  growing: { colour: "#7b3294" }
}

/** For arms that only stand beside others. */
export const other: Look = { colour: "#6e7781" }

export const of = (arm: string): Look => byArm[arm] ?? other

/** What is no arm's success but lies in the same figure. */
export const dashed = (look: Look): Look => ({ ...look, isDashed: true })
