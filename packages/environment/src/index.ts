/**
 * Real worlds: ALFWorld's text games and the PDDL engine under them.
 * Synthetic worlds live in `experience`.
 */
export * as Game from "./alfworld/Game.ts"
export * as GameFile from "./alfworld/GameFile.ts"
