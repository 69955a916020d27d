/** Running policies through episodes; start with `Rollout`. */
export * as LanguagePolicy from "./LanguagePolicy.ts"
export * as Rollout from "./Rollout.ts"
