/** `dreamgym replay`: looking into a replay buffer and after it; a run may go on writing to it meanwhile. */
import * as Command from "effect/cli/Command"
import { exportBuffer } from "./BufferExport.ts"
import { importBuffer } from "./BufferImport.ts"
import { prune } from "./BufferPrune.ts"
import { query } from "./BufferQuery.ts"
import { similar } from "./BufferSimilar.ts"
import { stats } from "./BufferStats.ts"
import { verify } from "./BufferVerify.ts"

export const replay = Command.make("replay").pipe(
  Command.withExamples([
    { command: "dreamgym replay stats household-1", description: "What a run has in memory" },
    {
      command: "dreamgym replay export household-1 --format parquet --out ./dataset",
      description: "Take it elsewhere"
    }
  ]),
  Command.withSubcommands([stats, query, similar, exportBuffer, importBuffer, prune, verify])
)
