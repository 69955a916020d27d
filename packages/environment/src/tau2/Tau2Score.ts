/**
 * The reward of tau2-bench: the product of the components that a task names as its basis.
 * A component that could not be scored is said to be so; it never counts as fulfilled.
 */
import * as Operation from "../taubench/python/Operation.ts"
import { fromJson, type Dict, type Value } from "../taubench/python/Value.ts"
import type { Entry } from "../taubench/episode/Conversation.ts"
import type { ExpectedAction, RewardBasis, Tau2Task } from "./Tau2Task.ts"

/** `value` is in [0, 1]; `why` says what is missing and the remedy. */
export type Component =
  | { readonly _tag: "Scored"; readonly value: number }
  | { readonly _tag: "NotScored"; readonly why: string }

/** What is known at the end of an episode. `assertions`: the judge's verdicts; absent where nobody judged. */
export interface Outcome {
  readonly isDatabaseRight: boolean
  readonly entries: ReadonlyArray<Entry>
  readonly assertions?: ReadonlyArray<boolean>
}

/** Every component, in the basis or not, and the reward: 0 as soon as one in the basis is, else not scored where one is not. */
export interface Score {
  readonly components: Readonly<Record<RewardBasis, Component>>
  readonly reward: Component
}

export const score = (task: Tau2Task, outcome: Outcome): Score => {
  const components = {
    DB: scored(outcome.isDatabaseRight),
    ENV_ASSERTION: scored(true),
    ACTION: actionComponent(task, outcome),
    COMMUNICATE: communicateComponent(task, outcome),
    NL_ASSERTION: assertionComponent(task, outcome)
  }
  const basis = task.evaluation_criteria.reward_basis
  return { components, reward: product(basis.map((name) => components[name])) }
}

/** Whether the reward hangs on assertions in words, so that it takes a judge. */
export const needsJudge = ({ evaluation_criteria }: Tau2Task): boolean =>
  evaluation_criteria.reward_basis.includes("NL_ASSERTION") &&
  (evaluation_criteria.nl_assertions ?? []).length > 0

const scored = (isRight: boolean): Component => ({ _tag: "Scored", value: isRight ? 1 : 0 })

const product = (components: ReadonlyArray<Component>): Component => {
  let value = 1
  let missing: Component | undefined
  for (const component of components) {
    if (component._tag === "NotScored") missing ??= component
    else value *= component.value
  }
  return value > 0 && missing !== undefined ? missing : { _tag: "Scored", value }
}

/** Each expected call must be among the agent's calls; others do no harm, and order is free. */
const actionComponent = ({ evaluation_criteria }: Tau2Task, { entries }: Outcome): Component => {
  const calls = entries.filter((entry) => entry._tag === "Call")
  const expected = evaluation_criteria.actions ?? []
  return scored(expected.every((action) => calls.some((call) => isExpected(action, call))))
}

/** Compared are the arguments named in `compare_args`, else those that the agent gave: one it left out is not missed. */
const isExpected = (
  action: ExpectedAction,
  call: { readonly name: string; readonly arguments: Dict }
): boolean => {
  if (action.name !== call.name) return false
  const names = action.compare_args ?? [...call.arguments.keys()]
  return names.every((name) => isSame(fromJson(action.arguments[name]), call.arguments.get(name)))
}

const isSame = (left: Value | undefined, right: Value | undefined): boolean =>
  left === undefined || right === undefined ? left === right : Operation.equals(left, right)

const communicateComponent = (
  { evaluation_criteria }: Tau2Task,
  { entries }: Outcome
): Component => {
  const said = entries
    .filter((entry) => entry._tag === "Agent")
    .map(({ content }) => content.toLowerCase().replaceAll(",", ""))
  const wanted = evaluation_criteria.communicate_info ?? []
  return scored(wanted.every((info) => said.some((text) => text.includes(info.toLowerCase()))))
}

const assertionComponent = (
  { evaluation_criteria }: Tau2Task,
  { assertions }: Outcome
): Component => {
  if ((evaluation_criteria.nl_assertions ?? []).length === 0) return scored(true)
  return assertions === undefined
    ? { _tag: "NotScored", why: "the task has assertions in words and there is no judge; give one" }
    : scored(assertions.every((isMet) => isMet))
}
