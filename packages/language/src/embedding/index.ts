/** What makes vectors of texts by models: our own, transformers.js's, a server's. */
export * as HiddenState from "./HiddenState.ts"
export * as OpenAi from "./OpenAi.ts"
export * as Reader from "./Reader.ts"
export * as TransformersJs from "./TransformersJs.ts"
