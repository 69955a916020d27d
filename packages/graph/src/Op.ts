/**
 * The vocabulary in which graphs are written: every constructor infers its shape and refuses bad ones.
 * Nothing is computed here; the meaning of each operation is `Interpreter`.
 */
export * from "./op/Attention.ts"
export * from "./op/Cache.ts"
export * from "./op/Contraction.ts"
export * from "./op/Elementwise.ts"
export * from "./op/Layout.ts"
export * from "./op/Loss.ts"
export * from "./op/Normalization.ts"
export * from "./op/Quantized.ts"
export * from "./op/Reduction.ts"
