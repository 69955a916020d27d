/** The learner: supervised fine-tuning, PPO and GRPO on exact tokens. */
export * as Advantage from "./Advantage.ts"
export * as Batches from "./Batches.ts"
export * as Decisions from "./Decisions.ts"
export * as Grpo from "./Grpo.ts"
export * as Loss from "./Loss.ts"
export * as PolicyGradient from "./PolicyGradient.ts"
export * as Ppo from "./Ppo.ts"
export * as Sft from "./Sft.ts"
