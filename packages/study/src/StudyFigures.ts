/**
 * The figures of a study and the data that each is drawn from.
 * Every figure has one file of data, which holds exactly what is drawn.
 */
import type { Part } from "./Arms.ts"
import * as Arms from "./Arms.ts"
import * as Figure from "./Figure.ts"
import * as Findings from "./Findings.ts"
import type { Interval } from "./Interval.ts"
import * as Looks from "./Looks.ts"
import { csv } from "./StudyText.ts"

/** `name` of both files: figures/<name>.svg and data/<name>.csv. */
export interface Drawing {
  readonly part: Part
  readonly rung: string
  readonly name: string
  readonly caption: string
  readonly svg: string
  readonly csv: string
}

type Runs = ReadonlyArray<Findings.Run>

/** Those of a part on each rung for which there is anything to draw. */
export const drawings = (
  runs: Runs,
  rungs: ReadonlyArray<string>,
  part: Part
): ReadonlyArray<Drawing> => rungs.flatMap((rung) => drawn[part](runs, rung))

/** Nothing where there is nothing to draw. */
type Draw = (runs: Runs, rung: string) => ReadonlyArray<Drawing>

const success =
  (part: Part, caption: string, armsOf: () => ReadonlyArray<string>): Draw =>
  (runs, rung) => {
    const rows = Findings.rows(runs, rung, armsOf()).map(({ arm, success: found }) => ({
      group: rung,
      name: Findings.titleOf(arm),
      look: Looks.of(arm),
      ...found
    }))
    if (rows.length === 0) return []
    const data = rows.map(({ high, low, mean, name, seeds }) => ({
      rung,
      arm: name,
      mean,
      low,
      high,
      seeds: seeds.join(" ")
    }))
    return [
      { part, rung, name: `${part}-${rung}`, caption, svg: Figure.dots(rows), csv: csv(data) }
    ]
  }

interface Line {
  readonly name: string
  readonly look: Looks.Look
  readonly points: ReadonlyArray<{ readonly x: number } & Interval>
}

/** `name` follows that of the part, where it has more than one figure of curves. */
interface Titled {
  readonly part: Part
  readonly rung: string
  readonly name?: string
  readonly caption: string
}

const lines = (
  { caption, name: of, part, rung }: Titled,
  axes: Figure.Axes,
  found: ReadonlyArray<Line>
): ReadonlyArray<Drawing> => {
  const points = found.flatMap(({ look, name, points: all }) =>
    all.map(({ high, low, mean, x }) => ({ look, name, x, y: mean, low, high }))
  )
  if (points.length === 0) return []
  const data = csv(points.map(({ look: _, ...point }) => ({ rung, ...point })))
  const name = of === undefined ? `${part}-${rung}` : `${part}-${of}-${rung}`
  return [{ part, rung, name, caption, svg: Figure.curves(points, axes), csv: data }]
}

const percent = "success in held-out real tasks, %"

const scaling: Draw = (runs, rung) => {
  const line = (
    name: string,
    look: Looks.Look,
    of: (arm: string) => Interval | undefined
  ): Line => ({
    name,
    look,
    points: Arms.sizes.flatMap((size) => {
      const found = of(Arms.nameOf(size))
      return found === undefined ? [] : [{ x: size, ...found }]
    })
  })
  const scored = (policy: string) => (arm: string) =>
    Findings.successOf(Findings.scores(runs, rung, arm, policy))
  return lines(
    {
      part: "scaling",
      rung,
      caption:
        "Success of the agent trained in an experience model of so many real transitions, from the clone of the demonstrations, of SFT on the same data, and how often the model's next observation is exactly right where it can be known (95 % intervals over seeds and episodes; of exactness over seeds)."
    },
    { x: "real transitions (about)", y: "%", isLogarithmic: true, isShare: true },
    [
      line("PPO dreamt", Looks.of(Arms.whole), scored("dreamt")),
      line("SFT", Looks.of("sft"), scored("cloned+")),
      line("model exact", Looks.dashed(Looks.other), (arm) =>
        Findings.measure(runs, rung, arm, "nextStateExactKnown")
      )
    ]
  )
}

const cost: Draw = (runs, rung) =>
  lines(
    {
      part: "cost",
      rung,
      caption:
        "Success over training, against the transitions that the policy had learnt from until then beside the offline ones: real ones for the real arms, synthetic ones for the dreamt arms."
    },
    { x: "transitions lived (real) or dreamt (synthetic)", y: percent, isShare: true },
    Arms.of("cost", false).flatMap((arm) => {
      const points = Findings.curve(runs, rung, arm).map(({ transitions, ...rest }) => ({
        x: transitions,
        ...rest
      }))
      return points.length < 2 ? [] : [{ name: Findings.titleOf(arm), look: Looks.of(arm), points }]
    })
  )

const exploitation: Draw = (runs, rung) =>
  lines(
    {
      part: "exploitation",
      rung,
      caption:
        "What training believes (share of successes among the dreams that it learnt from, mean over seeds) and what is true (success in held-out real tasks, with 95 % intervals), with the quality filter and without."
    },
    { x: "iteration", y: "success, %", isShare: true },
    [
      { arm: Arms.whole, name: "filter" },
      { arm: Arms.unfiltered, name: "no filter" }
    ].flatMap(({ arm, name }) => [
      {
        name: `${name}: dreamt`,
        look: Looks.dashed(Looks.of(arm)),
        points: Findings.believed(runs, rung, arm).map(({ iteration, rate }) => ({
          x: iteration,
          mean: rate,
          low: rate,
          high: rate
        }))
      },
      {
        name: `${name}: real`,
        look: Looks.of(arm),
        points: Findings.curve(runs, rung, arm).map(along)
      }
    ])
  )

/** Two curricula, drawn twice: what they play, and what comes of it. */
const curriculum: Draw = (runs, rung) => {
  const arms = [Arms.uniform, Arms.growing]
  const of = (points: (arm: string) => Line["points"]) =>
    arms.map((arm) => ({
      name: Findings.titleOf(arm),
      look: Looks.of(arm),
      points: points(arm)
    }))
  return [
    ...allCurricula(runs, rung),
    ...lines(
      {
        part: "curriculum",
        name: "difficulty",
        rung,
        caption:
          "How hard the tasks were that an iteration played (about how many steps they take whoever knows where everything is, and the looking; mean over tasks and seeds, 95 % interval over seeds), where tasks are drawn evenly and where they grow harder with the agent."
      },
      { x: "iteration", y: "mean difficulty of the tasks played, steps" },
      of((arm) => Findings.difficulty(runs, rung, arm).map(along))
    ),
    ...lines(
      {
        part: "curriculum",
        name: "success",
        rung,
        caption:
          "Success over training of the same two: mean over seeds, 95 % interval over seeds and episodes."
      },
      { x: "iteration", y: percent, isShare: true },
      of((arm) => Findings.curve(runs, rung, arm).map(along))
    )
  ]
}

const along = <A extends { readonly iteration: number }>({ iteration, ...rest }: A) => ({
  x: iteration,
  ...rest
})

const allCurricula = success(
  "curriculum",
  "Success in held-out real tasks at equal budget, by how the tasks are chosen: mean over seeds, 95 % interval, one ring per seed.",
  () => Arms.of("curriculum", false)
)

const drawn: Readonly<Record<Part, Draw>> = {
  table: success(
    "table",
    "Success in held-out real tasks: mean over seeds, 95 % interval over seeds and episodes, one ring per seed.",
    () => Arms.of("table", false)
  ),
  ablations: success(
    "ablations",
    "Success in held-out real tasks with and without parts of the method: mean over seeds, 95 % interval, one ring per seed.",
    () => [
      ...new Set(Arms.ablations.map(({ against }) => against)),
      ...Arms.ablations.map(({ arm }) => arm)
    ]
  ),
  scaling,
  cost,
  exploitation,
  curriculum
}
