/** The flags by which commands name a world and its tasks. Which world reads which is in `World`. */
import * as AlfWorld from "@dreamgym/environment/alfworld/AlfWorld"
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
  data,
  taskType: Flag.Literals("task-type", AlfWorld.TaskType.literals).pipe(
    Flag.withDescription("Only ALFWorld's games of this type; may be given several times"),
    Flag.between(0, AlfWorld.TaskType.literals.length)
  ),
  goals: Flag.Literals("goals", ["template", "human"]).pipe(
    Flag.withDescription(
      "ALFWorld's goals in the games' sentences, or in people's own words, drawn by --seed (default: template)"
    ),
    Flag.optional
  ),
  wording: Flag.Literals("wording", ["either", "current"]).pipe(
    Flag.withDescription(
      "Whether ALFWorld also takes `put X in/on Y`, as its older data said it (default: either)"
    ),
    Flag.optional
  ),
  domainRandomization: Flag.Boolean("domain-randomization").pipe(
    Flag.withDescription(
      "The things of ALFWorld's training games get other numbers, drawn by --seed"
    ),
    Flag.withDefault(false)
  )
}
