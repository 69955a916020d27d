/**
 * The laws of an environment, real or synthetic: what every policy and every rollout relies on.
 * They do not say what a world is like; the caller gives a task of it and the actions that solve it.
 */
import { type Environment, type Task, Ending, Seed } from "@dreamgym/domain"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { failsWith, forAll, holds, law, same, type Suite } from "./Law.ts"
import * as NastyArbitraries from "./NastyArbitraries.ts"

/**
 * `actions` lead from the start of `task` to its success, the last of them to its end. `environment` is run once per law.
 * `open` counts the episodes that hold something (a process, a browser) at this moment, where that can be told.
 * `longest`: no observation has more characters, whatever is said (100,000 where absent).
 */
export interface Options {
  readonly name: string
  readonly environment: Effect.Effect<Environment.Environment, unknown, Scope.Scope>
  readonly task: Task.Task
  readonly actions: ReadonlyArray<string>
  readonly open?: Effect.Effect<number>
  readonly longest?: number
}

export const environmentLaws = (options: Options): Suite => ({
  name: `${options.name} obeys the environment laws`,
  laws: [
    isRepeatable(options),
    endsOnce(options),
    isClosedAfterItsEnd(options),
    isIndependent(options),
    rewardsOnlySuccess(options),
    acceptsTheAdmissible(options),
    saysWhoAnswered(options),
    startsOrRefuses(options),
    answersAnything(options),
    ignoresTheImpossible(options),
    isBounded(options),
    letsGo(options),
    letsGoWhenInterrupted(options)
  ]
})

const isRepeatable = ({ actions, environment, task }: Options) =>
  law(
    "the same task and actions give the same episode",
    Effect.gen(function* () {
      const { start } = yield* environment
      const once = yield* Effect.scoped(walkListing(start, task, actions))
      const again = yield* Effect.scoped(walkListing(start, task, actions))
      yield* same("the second episode", again, once)
    })
  )

/** The whole of an episode, with what is admissible before each step. */
const walkListing = Effect.fnUntraced(function* (
  start: Environment.Environment["start"],
  task: Task.Task,
  actions: ReadonlyArray<string>
) {
  const episode = yield* start(task)
  const steps = yield* Effect.forEach(actions, (text) =>
    Effect.all([episode.admissible ?? Effect.succeed([]), episode.step({ text })])
  )
  return { first: episode.observation, steps }
})

const endsOnce = ({ actions, environment, task }: Options) =>
  law(
    "an episode ends exactly once, at the last step, in success",
    Effect.gen(function* () {
      const { steps } = yield* walk((yield* environment).start, task, actions)
      const expected = actions.map((_, i) =>
        i === actions.length - 1 ? Ending.terminated(true) : undefined
      )
      yield* same(
        "the endings",
        steps.map(({ ending }) => ending),
        expected
      )
    })
  )

const isClosedAfterItsEnd = ({ actions, environment, task }: Options) =>
  law(
    "a step after the end fails as Closed",
    Effect.gen(function* () {
      const episode = yield* (yield* environment).start(task)
      yield* play(episode, actions)
      yield* failsWith("a further step", stepOf(episode, actions), "EnvironmentError", "Closed")
    })
  )

const isIndependent = ({ actions, environment, task }: Options) =>
  law(
    "episodes side by side do not disturb each other",
    Effect.gen(function* () {
      const { start } = yield* environment
      const alone = yield* walk(start, task, actions)
      const [first, second] = yield* Effect.all([start(task), start(task)])
      const answers: Array<Environment.Step> = []
      for (const [i, text] of actions.entries()) {
        answers.push(yield* first.step({ text }))
        // The second episode stays one step behind, so that a shared state would show.
        const before = actions[i - 1]
        if (before !== undefined) yield* second.step({ text: before })
      }
      yield* same("the episode beside another", answers, alone.steps)
    })
  )

const rewardsOnlySuccess = ({ actions, environment, task }: Options) =>
  law(
    "rewards are finite, and 0 until the task is done",
    Effect.gen(function* () {
      const { steps } = yield* walk((yield* environment).start, task, actions)
      for (const [i, { ending, reward }] of steps.entries()) {
        yield* holds(Number.isFinite(reward), `step ${i} has the reward ${reward}`)
        const isDone = ending !== undefined && Ending.isSuccess(ending)
        yield* holds(
          isDone === reward > 0,
          `step ${i} has the reward ${reward}, and the task is ${isDone ? "" : "not "}done`
        )
      }
    })
  )

/** How many of the admissible actions are tried. */
const tried = 24

const acceptsTheAdmissible = ({ actions, environment, task }: Options) =>
  law(
    "every action that is said to be admissible is accepted",
    Effect.gen(function* () {
      const { start } = yield* environment
      for (const way of [[], actions.slice(0, Math.floor(actions.length / 2))]) {
        const listed = yield* Effect.scoped(admissibleAfter(start, task, way))
        const chosen = Seed.shuffle(Seed.generator(way.length), listed).slice(0, tried)
        yield* Effect.forEach(chosen, (text) => walk(start, task, [...way, text]))
      }
    })
  )

const admissibleAfter = Effect.fnUntraced(function* (
  start: Environment.Environment["start"],
  task: Task.Task,
  way: ReadonlyArray<string>
) {
  const episode = yield* start(task)
  yield* play(episode, way)
  return yield* episode.admissible ?? Effect.succeed([])
})

const saysWhoAnswered = ({ actions, environment, task }: Options) =>
  law(
    "every step says who answered",
    Effect.gen(function* () {
      const { name, start, version } = yield* environment
      const { steps } = yield* walk(start, task, actions)
      for (const { provenance } of steps) {
        if (provenance._tag === "Real") {
          const own = { _tag: "Real", environment: name, version }
          yield* same("the provenance", provenance, own)
        } else yield* holds(provenance.model !== "", "a synthetic step names no model")
      }
    })
  )

/** Texts that have broken worlds: commands of other languages, a mebibyte, half a character, and nothing. */
const odd = (actions: ReadonlyArray<string>): ReadonlyArray<string> => [
  "",
  "\u0000\u0007\u001b[2J\r\n\u0085",
  "\ud800",
  "👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿".repeat(40),
  "'; DROP TABLE episodes; --",
  "(:action open :effect (forall (?x - object) (not (closed ?x))))",
  "__proto__",
  "$& $1 %s {} #goal# [{x|y}]",
  '{"name": "constructor", "arguments": {"__proto__": null}}',
  "x".repeat(1 << 20),
  `${actions[0] ?? ""} ${"y".repeat(1 << 20)}`
]

const oddText = (actions: ReadonlyArray<string>): fc.Arbitrary<string> =>
  fc.oneof(fc.constantFrom(...odd(actions)), NastyArbitraries.text)

const answersAnything = ({ actions, environment, task }: Options) =>
  law(
    "any text is answered or refused by a typed error; what is answered goes on, and the next episode starts as ever",
    Effect.gen(function* () {
      const { start } = yield* environment
      const { first } = yield* walk(start, task, [])
      const say = (text: string) =>
        Effect.gen(function* () {
          const episode = yield* start(task)
          const answer = yield* Effect.result(episode.step({ text }))
          const isOver = Result.isFailure(answer) || answer.success.ending !== undefined
          const next = stepOf(episode, actions)
          yield* isOver ? Effect.result(next) : next
          yield* same("the next opening", (yield* walk(start, task, [])).first, first)
        })
      yield* Effect.forEach(odd(actions), (text) => Effect.scoped(say(text)))
      yield* forAll(NastyArbitraries.text, say)
    })
  )

/** Tasks come from files, and from models that write them. */
const startsOrRefuses = ({ actions, environment, task }: Options) =>
  law(
    "a task of any content is started or refused by a typed error",
    Effect.gen(function* () {
      const { start } = yield* environment
      const { first } = yield* walk(start, task, [])
      const begin = (payload: unknown) =>
        Effect.gen(function* () {
          yield* Effect.result(Effect.scoped(start({ ...task, payload })))
          yield* same("the next opening", (yield* walk(start, task, [])).first, first)
        })
      yield* Effect.forEach(odd(actions), begin)
      yield* forAll(NastyArbitraries.json, begin)
    })
  )

/** Where a world lists what can be done, and is no dream: a dream may take any text as part of its story. */
const ignoresTheImpossible = ({ actions, environment, task }: Options) =>
  law(
    "what is not admissible changes nothing",
    Effect.gen(function* () {
      const { start } = yield* environment
      const { steps } = yield* walk(start, task, actions)
      if (steps.some(({ provenance }) => provenance._tag !== "Real")) return
      const texts = fc.array(oddText(actions), {
        minLength: actions.length,
        maxLength: actions.length
      })
      const between = (said: ReadonlyArray<string>) =>
        Effect.flatMap(walkDisturbed(start, task, actions, said), (answers) =>
          same("the steps between nonsense", answers, steps)
        )
      yield* forAll(texts, between, 5)
    })
  )

/** The answers to `actions`, each after a text that is not admissible then. */
const walkDisturbed = Effect.fnUntraced(function* (
  start: Environment.Environment["start"],
  task: Task.Task,
  actions: ReadonlyArray<string>,
  said: ReadonlyArray<string>
) {
  const episode = yield* start(task)
  const answers: Array<Environment.Step> = []
  for (const [i, text] of actions.entries()) {
    const nonsense = said[i] ?? ""
    const possible = yield* episode.admissible ?? Effect.succeed([nonsense.trim()])
    if (!possible.includes(nonsense.trim())) {
      const { ending, reward } = yield* episode.step({ text: nonsense })
      yield* same("the ending that nonsense brings", ending, undefined)
      yield* same("the reward that nonsense brings", reward, 0)
      const later = yield* episode.admissible ?? Effect.succeed([])
      yield* same("what is admissible after nonsense", later, possible)
    }
    answers.push(yield* episode.step({ text }))
  }
  return answers
})

const isBounded = ({ actions, environment, longest = 100_000, task }: Options) =>
  law(
    "no observation is longer than the bound, whatever is said",
    Effect.gen(function* () {
      const { start } = yield* environment
      const { first, steps } = yield* walk(start, task, actions)
      const said = yield* Effect.forEach(odd(actions), (text) =>
        Effect.option(walk(start, task, [text]))
      )
      const answers = said.flatMap((one) => (one._tag === "Some" ? one.value.steps : []))
      const texts = [first, ...[...steps, ...answers].map(({ observation }) => observation)]
      const length = Math.max(...texts.map((text) => text.length))
      yield* holds(length <= longest, `an observation has ${length} characters, not ${longest}`)
    })
  )

const letsGo = ({ actions, environment, open, task }: Options) =>
  law(
    "an episode that is closed in the middle lets go and takes no further step",
    Effect.gen(function* () {
      const { start } = yield* environment
      const before = yield* open ?? Effect.succeed(0)
      const scope = yield* Scope.make()
      const episode = yield* Effect.provideService(start(task), Scope.Scope, scope)
      yield* play(episode, actions.slice(0, 1))
      yield* Scope.close(scope, Exit.void)
      yield* same("what it holds", (yield* open ?? Effect.succeed(0)) - before, 0)
      yield* failsWith("a further step", stepOf(episode, actions), "EnvironmentError", "Closed")
    })
  )

/** Between two steps, and before a step has been answered, where that takes its time. */
const letsGoWhenInterrupted = ({ actions, environment, open, task }: Options) =>
  law(
    "an episode that is interrupted lets go and takes no further step",
    Effect.gen(function* () {
      const { start } = yield* environment
      for (const isBusy of [false, true]) {
        const before = yield* open ?? Effect.succeed(0)
        const begun = yield* Deferred.make<Environment.Episode>()
        const fiber = yield* Effect.gen(function* () {
          const episode = yield* start(task)
          const first = play(episode, actions.slice(0, 1))
          if (!isBusy) yield* first
          yield* Deferred.succeed(begun, episode)
          return yield* isBusy ? Effect.andThen(first, Effect.never) : Effect.never
        }).pipe(Effect.scoped, Effect.forkChild)
        const episode = yield* Effect.raceFirst(Deferred.await(begun), Fiber.join(fiber))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        yield* same("what it holds", (yield* open ?? Effect.succeed(0)) - before, 0)
        yield* failsWith("a further step", stepOf(episode, actions), "EnvironmentError", "Closed")
      }
    })
  )

const play = (episode: Environment.Episode, actions: ReadonlyArray<string>) =>
  Effect.forEach(actions, (text) => episode.step({ text }))

const stepOf = (episode: Environment.Episode, actions: ReadonlyArray<string>) =>
  episode.step({ text: actions.at(-1) ?? "" })

const walk = (
  start: Environment.Environment["start"],
  task: Task.Task,
  actions: ReadonlyArray<string>
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const episode = yield* start(task)
      return { first: episode.observation, steps: yield* play(episode, actions) }
    })
  )
