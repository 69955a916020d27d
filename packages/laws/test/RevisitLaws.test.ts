import { Ending, Environment } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { RevisitLaws } from "../src/index.ts"
import { provenLaws } from "./mutations.ts"

interface Count {
  now: number
  max: number
}

/** What a broken counter does otherwise. */
interface Flaws {
  readonly forksAtStart?: boolean
  readonly sharesState?: boolean
  readonly forksStayOpen?: boolean
  readonly restoresNothing?: boolean
  readonly restoresOnce?: boolean
  readonly restoreAnswers?: string
  readonly keepsMore?: boolean
}

const closed = new Environment.EnvironmentError({
  reason: "Closed",
  environment: "counter",
  message: "this episode is over"
})

/** A world that counts to three. */
const counter = (
  flaws: Flaws,
  from: Count,
  isFork = false
): Effect.Effect<RevisitLaws.Revisitable<Count>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const state = flaws.sharesState ? from : { ...from }
    const used = new Set<Count>()
    let isOpen = true
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => (isOpen = isFork && flaws.forksStayOpen === true))
    )
    const step = () => {
      state.now++
      state.max = Math.max(state.max, state.now)
      return {
        observation: `${state.now}`,
        reward: state.now === 3 ? 1 : 0,
        provenance: { _tag: "Real", environment: "counter", version: "1" } as const,
        ...(state.now === 3 ? { ending: Ending.terminated(true) } : {})
      }
    }
    return {
      observation: `${state.now}`,
      admissible: Effect.sync(() => [`after ${state.now}`]),
      step: () =>
        Effect.suspend(() => (isOpen && state.now < 3 ? Effect.sync(step) : Effect.fail(closed))),
      snapshot: Effect.sync(() => ({ ...state })),
      restore: (kept) =>
        Effect.sync(() => {
          if (!flaws.restoresNothing && !(flaws.restoresOnce && used.has(kept)))
            state.now = kept.now
          used.add(kept)
          if (!flaws.keepsMore) state.max = kept.max
          return flaws.restoreAnswers ?? `${state.now}`
        }),
      fork: Effect.suspend(() =>
        counter(flaws, flaws.forksAtStart ? { now: 0, max: 0 } : state, true)
      )
    }
  })

const suite = (flaws: Flaws = {}) =>
  RevisitLaws.revisitLaws({
    name: "Counter",
    start: Effect.suspend(() => counter(flaws, { now: 0, max: 0 })),
    actions: ["on", "on", "on"]
  })

provenLaws(suite(), {
  "a fork is where its origin is": {
    broken: suite({ forksAtStart: true }),
    because: /what the fork lists: expected \["after 1"\], found \["after 0"\]/
  },
  "what is done in a fork does not change its origin, nor another fork": {
    broken: suite({ sharesState: true }),
    because: /this episode is over/
  },
  "a fork closes with its own scope, and its origin goes on": {
    broken: suite({ forksStayOpen: true }),
    because: /a step of a closed fork: expected EnvironmentError Closed, it answered/
  },
  "what was kept can be gone back to, also after the end": [
    { broken: suite({ restoresNothing: true }), because: /what is listed again/ },
    { broken: suite({ restoresOnce: true }), because: /what is listed a third time/ }
  ],
  "to keep, go on, go back and keep again is to keep once": [
    { broken: suite({ keepsMore: true }), because: /what was kept/ },
    { broken: suite({ restoreAnswers: "x" }), because: /the observation of then/ }
  ]
})
