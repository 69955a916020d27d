/**
 * The figures of a study and the data that each is drawn from.
 * Every figure has one file of data, which holds exactly what is drawn.
 */
import type { Part } from "./Arms.ts"
import * as Arms from "./Arms.ts"
import * as Figure from "./Figure.ts"
import * as Findings from "./Findings.ts"
import type { Interval } from "./Interval.ts"
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
    const rows = Findings.rows(runs, rung, armsOf()).map(({ success: found, title }) => ({
      group: rung,
      name: title,
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
  readonly points: ReadonlyArray<{ readonly x: number } & Interval>
}

const lines = (
  part: Part,
  rung: string,
  caption: string,
  axes: Figure.Axes,
  found: ReadonlyArray<Line>
): ReadonlyArray<Drawing> => {
  const points = found.flatMap(({ name, points: of }) =>
    of.map(({ high, low, mean, x }) => ({ name, x, y: mean, low, high }))
  )
  if (points.length === 0) return []
  const [svg, data] = [
    Figure.curves(points, axes),
    csv(points.map((point) => ({ rung, ...point })))
  ]
  return [{ part, rung, name: `${part}-${rung}`, caption, svg, csv: data }]
}

const percent = "success in held-out real tasks, %"

const scaling: Draw = (runs, rung) => {
  const line = (name: string, of: (arm: string) => Interval | undefined): Line => ({
    name,
    points: Arms.sizes.flatMap((size) => {
      const found = of(Arms.nameOf(size))
      return found === undefined ? [] : [{ x: size, ...found }]
    })
  })
  const scored = (policy: string) => (arm: string) =>
    Findings.successOf(Findings.scores(runs, rung, arm, policy))
  return lines(
    "scaling",
    rung,
    "Success of the agent trained in an experience model of so many real transitions, of SFT on the same data, and how often the model's next observation is exactly right where it can be known (95 % intervals over seeds and episodes; of exactness over seeds).",
    { x: "real transitions (about)", y: "%", isLogarithmic: true, isShare: true },
    [
      line("PPO dreamt", scored("dreamt")),
      line("SFT", scored("cloned+")),
      line("model exact", (arm) => Findings.measure(runs, rung, arm, "nextStateExactKnown"))
    ]
  )
}

const cost: Draw = (runs, rung) =>
  lines(
    "cost",
    rung,
    "Success over training, against the transitions that the policy had learnt from until then beside the offline ones: real ones for the real arms, synthetic ones for the dreamt arms.",
    { x: "transitions lived (real) or dreamt (synthetic)", y: percent, isShare: true },
    Arms.of("cost", false).flatMap((arm) => {
      const points = Findings.curve(runs, rung, arm).map(({ transitions, ...rest }) => ({
        x: transitions,
        ...rest
      }))
      return points.length < 2 ? [] : [{ name: Findings.titleOf(arm), points }]
    })
  )

const exploitation: Draw = (runs, rung) =>
  lines(
    "exploitation",
    rung,
    "What training believes (share of successes among the dreams that it learnt from, mean over seeds) and what is true (success in held-out real tasks, with 95 % intervals), with the quality filter and without.",
    { x: "iteration", y: "success, %", isShare: true },
    [
      { arm: Arms.whole, name: "filter" },
      { arm: Arms.unfiltered, name: "no filter" }
    ].flatMap(({ arm, name }) => [
      {
        name: `${name}: dreamt`,
        points: Findings.believed(runs, rung, arm).map(({ iteration, rate }) => ({
          x: iteration,
          mean: rate,
          low: rate,
          high: rate
        }))
      },
      {
        name: `${name}: real`,
        points: Findings.curve(runs, rung, arm).map(({ iteration, ...rest }) => ({
          x: iteration,
          ...rest
        }))
      }
    ])
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
    () => [Arms.whole, ...Arms.ablations.map(({ arm }) => arm)]
  ),
  scaling,
  cost,
  exploitation
}
