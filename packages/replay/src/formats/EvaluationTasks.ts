/**
 * Which tasks of the public benchmarks are theirs to be measured by: experience of these is not to be learnt from.
 * What a run keeps for its own evaluation is known to the run.
 *
 * ALFWorld: the games of `valid_seen` and `valid_unseen`. tau-bench: the tasks of the split `test`.
 */
import type { Task } from "@dreamgym/domain"

export const isEvaluation = ({ environment, id }: Task.Task): boolean =>
  held.some(({ name, pattern }) => environment === name && pattern.test(id))

const held = [
  { name: "alfworld", pattern: /^alfworld\/valid_(seen|unseen)\// },
  { name: "tau-bench", pattern: /^tau-bench\/[a-z]+\/test\// }
]
