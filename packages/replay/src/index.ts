/** The experience replay buffer; start with `ReplayBuffer`. */
export * as Embedding from "./Embedding.ts"
export * as Journal from "./Journal.ts"
export * as Neighbours from "./Neighbours.ts"
export * as ReplayBuffer from "./ReplayBuffer.ts"
export * as Stages from "./Stages.ts"
