import { Ending } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { EnvironmentLaws } from "../src/index.ts"
import { actions, door, task, type Flaws } from "./door.ts"
import { provenLaws } from "./mutations.ts"

const suite = (flaws: Flaws = {}, canCount = true) => {
  const { environment, open } = door(flaws)
  return EnvironmentLaws.environmentLaws({
    name: "Door",
    environment: Effect.succeed(environment),
    task,
    actions,
    ...(canCount ? { open } : {})
  })
}

let told = 0
const real = { _tag: "Real", environment: "another", version: "1" } as const

provenLaws(suite(), {
  "the same task and actions give the same episode": [
    {
      broken: suite({ observation: (text) => `${text} ${told++}` }),
      because: /the second episode: expected .*locked/
    },
    {
      broken: suite({ lists: () => [...actions, `${told++}`] }),
      because: /the second episode: expected/
    }
  ],
  "an episode ends exactly once, at the last step, in success": {
    broken: suite({ step: (step) => ({ ...step, ending: Ending.terminated(step.reward === 1) }) }),
    because: /the endings: expected \[undefined,undefined,.*true/
  },
  "a step after the end fails as Closed": {
    broken: suite({ staysOpen: true }),
    because: /a further step: expected EnvironmentError Closed, it answered/
  },
  "episodes side by side do not disturb each other": {
    broken: suite({ isOneForAll: true }),
    because: /this episode is over/
  },
  "rewards are finite, and 0 until the task is done": {
    broken: suite({ step: (step) => ({ ...step, reward: 0.5 }) }),
    because: /step 0 has the reward 0.5, and the task is not done/
  },
  "every action that is said to be admissible is accepted": {
    broken: suite({ admissible: ["look", "break"] }),
    because: /this episode is over/
  },
  "every step says who answered": {
    broken: suite({ step: (step) => ({ ...step, provenance: real }) }),
    because: /the provenance: expected .*"door".*found .*"another"/
  },
  "a task of any content is started or refused by a typed error": {
    broken: suite({ crashesOnTasks: true }),
    because: /no such task/
  },
  "any text is answered or refused by a typed error; what is answered goes on, and the next episode starts as ever":
    [
      { broken: suite({ dies: (text) => text.includes("DROP") }), because: /the world crashed/ },
      { broken: suite({ dies: (text) => text.length > 1e6 }), because: /the world crashed/ },
      { broken: suite({ goesDeaf: true }), because: /this episode is over/ },
      {
        broken: suite({ observation: (text) => `${text} ${told++}` }),
        because: /the next opening/
      }
    ],
  "what is not admissible changes nothing": [
    { broken: suite({ locksAgain: true }), because: /the steps between nonsense/ },
    { broken: suite({ endsOnNonsense: true }), because: /the ending that nonsense brings/ },
    { broken: suite({ rewardsNonsense: true }), because: /the reward that nonsense brings/ },
    {
      broken: suite({ lists: () => [...actions, `${told++}`] }),
      because: /what is admissible after nonsense/
    }
  ],
  "no observation is longer than the bound, whatever is said": {
    broken: suite({ echoes: true }),
    because: /an observation has \d{7} characters, not 100000/
  },
  "an episode that is closed in the middle lets go and takes no further step": {
    broken: suite({ leaks: true }),
    because: /what it holds: expected 0, found 1/
  },
  "an episode that is interrupted lets go and takes no further step": [
    { broken: suite({ leaksInterrupted: true }), because: /what it holds: expected 0, found 1/ },
    { broken: suite({ leaksInStep: true }), because: /what it holds: expected 0, found 1/ }
  ]
})
