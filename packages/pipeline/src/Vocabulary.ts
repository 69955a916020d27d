/** The tokenizer of a run: the world's lexicon, and whatever other words its offline texts hold. */
import type { Knowledge, Trajectory } from "@dreamgym/domain"
import * as Tokenizer from "@dreamgym/language/Tokenizer"

export const tokenizerOf = (
  knowledge: Knowledge.Knowledge,
  trajectories: ReadonlyArray<Trajectory.Trajectory>
): Tokenizer.Tokenizer => {
  const texts = trajectories.flatMap(({ firstObservation, task, transitions }) => [
    task.instruction,
    firstObservation,
    ...transitions.flatMap(({ action, nextObservation }) => [action.text, nextObservation])
  ])
  return Tokenizer.make([...knowledge.lexicon, ...Tokenizer.uncovered(knowledge.lexicon, texts)])
}
