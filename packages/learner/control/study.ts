/**
 * `node --conditions=source packages/learner/control/study.ts [folder] [name ...]`: the control tasks
 * with five seeds each, or those that are named; writes a curve, a figure and the results of each
 * into the folder.
 * It fails where the learner does not reach what is known to be reachable.
 */
import { Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { type Cart, cartPole } from "./CartPole.ts"
import type { ControlTask } from "./ControlTask.ts"
import * as Curves from "./Curves.ts"
import * as Gridworld from "./Gridworld.ts"
import * as Mlp from "./Mlp.ts"
import * as Practice from "./Practice.ts"

const seeds = [1, 2, 3, 4, 5]
const [folder = "docs/studies/2026-11-control", ...names] = process.argv.slice(2)

interface Plan<S> {
  readonly file: string
  readonly task: ControlTask<S>
  readonly settings: Practice.Settings
  readonly window: number
  readonly figure: Omit<Curves.Figure, "total">
  /** What is compared with the goal, of the final parameters or the last episodes. */
  readonly reached: (practised: Practice.Practised) => number
  readonly goal: number
}

const onCartPole: Plan<Cart> = {
  file: "cartpole",
  task: cartPole,
  settings: Practice.cleanRl,
  window: 20,
  figure: { title: "CartPole-v1, PPO, five seeds", low: 0, high: 500, goal: ["475", 475] },
  reached: (practised) => Practice.lastReturn(practised, 20),
  goal: 475
}

/**
 * As in `ppo.py` to the last detail: a pole that still stands after 500 steps is worth nothing
 * more.
 */
const withoutBootstrap: Plan<Cart> = {
  ...onCartPole,
  file: "cartpole-without-bootstrap",
  settings: { ...Practice.cleanRl, bootstrapAtStepLimit: false },
  figure: { ...onCartPole.figure, title: "CartPole-v1, PPO, five seeds, no bootstrap at the limit" }
}

const onGridworld: Plan<Gridworld.Cell> = {
  file: "gridworld",
  task: Gridworld.gridworld,
  settings: Practice.onGridworld,
  window: 100,
  figure: {
    title: "4 x 3 world, PPO, five seeds",
    low: -2,
    high: 1,
    goal: ["optimum 0.705", 0.705]
  },
  reached: ({ parameters }) =>
    Practice.greedyValue(
      (cell) => Mlp.judge(parameters, Gridworld.gridworld.observe(cell)).logProbabilities
    ),
  goal: 0.7
}

const run = Effect.fn("Study.run")(function* <S>(plan: Plan<S>) {
  const { figure, file, goal, reached, settings, task, window } = plan
  const { totalSteps: total } = settings
  const results = []
  const curves = []
  for (const seed of seeds) {
    const began = performance.now()
    const practised = yield* Effect.scoped(Practice.practise(task, settings, seed))
    const seconds = Math.round((performance.now() - began) / 1000)
    const value = Math.round(reached(practised) * 1e4) / 1e4
    curves.push(Curves.curveOf(seed, practised.episodes, { every: total / 100, total, window }))
    results.push({ seed, reached: value, episodes: practised.episodes.length, seconds })
    console.log(`${file}, seed ${seed}: ${value} (goal ${goal}) in ${seconds} s`)
  }
  writeFileSync(`${folder}/${file}.csv`, Curves.csv(curves))
  writeFileSync(`${folder}/${file}.svg`, Curves.svg(curves, { ...figure, total }))
  const report = { task: task.name, goal, settings, results }
  writeFileSync(`${folder}/${file}.json`, `${JSON.stringify(report, undefined, 2)}\n`)
  return results.every((one) => one.reached >= goal)
})

const isAsked = ({ file }: { readonly file: string }) => names.length === 0 || names.includes(file)

const program = Effect.gen(function* () {
  mkdirSync(folder, { recursive: true })
  const reached = [
    ...(isAsked(onGridworld) ? [yield* run(onGridworld)] : []),
    ...(isAsked(onCartPole) ? [yield* run(onCartPole)] : []),
    ...(isAsked(withoutBootstrap) ? [yield* run(withoutBootstrap)] : [])
  ]
  process.exitCode = reached.length > 0 && reached.every(Boolean) ? 0 : 1
})

await Effect.runPromise(Effect.provide(program, Session.layerInline))
