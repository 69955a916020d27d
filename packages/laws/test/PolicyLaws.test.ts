import { History, Lockstep, Policy, Seed, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { PolicyLaws } from "../src/index.ts"
import { actions, knowledge, task } from "./door.ts"
import { provenLaws } from "./mutations.ts"

const decisions = Array.from({ length: 6 }, (_, key) => ({
  task,
  history: History.start("the door is locked"),
  key
}))

type Choose = (decision: Policy.Decision, place: number) => Trajectory.Action

const chosen: Choose = ({ key }) => {
  const id = Seed.below(Seed.generator(key), actions.length)
  const span: Trajectory.TokenSpan = {
    promptIds: [9],
    ids: [id],
    logProbabilities: [-Math.log(3)],
    choices: [[0, 1, 2]],
    value: 0.5,
    temperature: 1,
    policyVersion: 2,
    context: { _tag: "Fresh" }
  }
  return { text: actions[id] ?? "", span }
}

const suite = (choose: Choose = chosen) => {
  const { call } = Lockstep.batched((batch: ReadonlyArray<Policy.Decision>) =>
    Effect.succeed(batch.map(choose))
  )
  const policy = Policy.Policy.of({ name: "toy", version: Effect.succeed(2), act: call })
  return PolicyLaws.policyLaws({
    name: "a keyed policy",
    policy: Effect.succeed(policy),
    decisions,
    knowledge: () => knowledge,
    tolerance: 1e-6
  })
}

let asked = 0
const withSpan =
  (change: Partial<Trajectory.TokenSpan>): Choose =>
  (decision) => {
    const { span, text } = chosen(decision, 0)
    return span === undefined ? { text } : { text, span: { ...span, ...change } }
  }

provenLaws(suite(), {
  "the same decision gives the same action": {
    broken: suite(() => ({ text: actions[asked++ % 5] ?? "push" })),
    because: /the second actions: expected/
  },
  "the action is admissible where the admissible ones are known": {
    broken: suite(() => ({ text: "kick" })),
    because: /"kick" is none of: turn key, look, push/
  },
  "an action does not depend on the others of the wave, nor on their order": {
    broken: suite((decision, place) => {
      const { span, text } = chosen(decision, place)
      return span === undefined ? { text } : { text, span: { ...span, value: place } }
    }),
    because: /log-probabilities and value differ by/
  },
  "a span has a finite log-probability for each of its tokens, and names the version": {
    broken: suite(withSpan({ choices: [[7]] })),
    because: /a token is none of its own choices/
  }
})
