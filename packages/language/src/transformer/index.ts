/**
 * The general decoder-only transformer: its shape, its network, its weights from and for elsewhere.
 * The household's own decoder is `../Decoder.ts`.
 */
export * as Config from "./Config.ts"
export * as Conversation from "./decoding/Conversation.ts"
export * as Cost from "./Cost.ts"
export * as Decoding from "./decoding/Decoding.ts"
export * as Export from "./Export.ts"
export * as Folder from "./Folder.ts"
export * as HubConfig from "./HubConfig.ts"
export * as HubTokenizer from "./HubTokenizer.ts"
export * as Lora from "./Lora.ts"
export * as LoraFiles from "./LoraFiles.ts"
export * as Model from "./Model.ts"
export * as Network from "./Network.ts"
export * as OnnxDecoder from "./OnnxDecoder.ts"
export * as OnnxNames from "./OnnxNames.ts"
export * as Sampler from "./decoding/Sampler.ts"
export * as Quantised from "./Quantised.ts"
export * as TransformerModel from "./TransformerModel.ts"
