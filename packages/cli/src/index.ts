/** The command `dreamgym`, for programs that want to be a front door too. */
export * as Dreamgym from "./Dreamgym.ts"
export * as Failure from "./Failure.ts"
export * as Running from "./Running.ts"
