/** The flags by which commands name a world and its tasks. Which world reads which is in `World`. */
import * as Rung from "@dreamgym/environment/household/Rung"
import * as Flag from "effect/cli/Flag"
import * as Settings from "../Settings.ts"

/** Where a world's data are. */
export const data = Flag.String("data").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription(
    "Folder of the world's data (default: its variable, ALFWORLD_DATA or TAU_BENCH_DATA)"
  ),
  Flag.optional
)

export const flags = {
  rung: Flag.Literals("rung", Rung.RungName.literals).pipe(
    Flag.withDescription("Difficulty of the household's houses (default: L2)"),
    Flag.optional
  ),
  split: Flag.String("split").pipe(
    Flag.withDescription("Which tasks; `dreamgym env list` names the splits (default: the first)"),
    Flag.optional
  ),
  seed: Settings.seed,
  data
}
