/**
 * Real worlds: ALFWorld's text games, generated houses in the same language, and the PDDL engine under both.
 * Synthetic worlds live in `experience`.
 */
export * as AlfWorld from "./alfworld/AlfWorld.ts"
export * as Download from "./alfworld/Download.ts"
export * as Expert from "./alfworld/Expert.ts"
export * as Game from "./alfworld/Game.ts"
export * as GameBatch from "./alfworld/GameBatch.ts"
export * as GameEpisode from "./alfworld/GameEpisode.ts"
export * as GameFile from "./alfworld/GameFile.ts"
export * as GamePolicy from "./alfworld/GamePolicy.ts"
export * as Planner from "./alfworld/Planner.ts"
export * as Recording from "./alfworld/Recording.ts"
export * as SavedGame from "./alfworld/SavedGame.ts"
export * as Demonstrator from "./household/Demonstrator.ts"
export * as Generator from "./household/Generator.ts"
export * as Goal from "./household/Goal.ts"
export * as Household from "./household/Household.ts"
export * as HouseholdKnowledge from "./household/HouseholdKnowledge.ts"
export * as Notebook from "./household/Notebook.ts"
export * as Rung from "./household/Rung.ts"
