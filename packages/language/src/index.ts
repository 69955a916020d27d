/** Language models: our trainable decoder, its tokenizer, its training rows. */
export * as Constraint from "./Constraint.ts"
export * as Decoder from "./Decoder.ts"
export * as DecoderModel from "./DecoderModel.ts"
export * as Rows from "./Rows.ts"
export * as Sampling from "./Sampling.ts"
export * as Tokenizer from "./Tokenizer.ts"
export * as Trainable from "./Trainable.ts"
export * as Weights from "./Weights.ts"
