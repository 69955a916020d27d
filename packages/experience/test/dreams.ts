/** Dreams of the world of boxes, for the tests of the quality filter: good ones, and makers of others. */
import type { Ending, Trajectory } from "@dreamgym/domain"
import { DreamTask, Rule } from "../src/index.ts"
import {
  boxTask,
  firstObservation,
  knownWorlds,
  listing,
  synthetic,
  trajectoryOf
} from "./boxes.ts"

export const real = boxTask("a", "key")
export const task = DreamTask.dreamTask(real, firstObservation(3, "key"))

export const dreamt = (
  id: string,
  turns: Parameters<typeof trajectoryOf>[2],
  ending?: Ending.Ending
): Trajectory.Trajectory =>
  trajectoryOf(id, task, turns, { provenance: synthetic, ...(ending ? { ending } : {}) })

export const pen = ["open box 1", listing("box 1", "pen 1")] as const
export const key = ["open box 2", listing("box 2", "key 1"), 1] as const
export const good = dreamt("good", [pen, key])
export const lost = dreamt("lost", [pen, ["open box 3", listing("box 3", "coin 1")]])

/** The opinion of one rule on one trajectory. */
export const opinionOf = (rule: Rule.Rule, trajectory: Trajectory.Trajectory) =>
  rule.judge(Rule.subjectOf(trajectory, knownWorlds))
