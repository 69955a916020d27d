/**
 * What the events of a phase have to say to somebody who watches: key numbers, and measurements in a line of their own.
 * How they stand on a screen is the business of `ProgressView`.
 */
import type { RunEvent } from "@dreamgym/domain"
import * as Match from "effect/Match"
import { amount, percent, words } from "./ReportText.ts"

/** `facts` belong to the phase's own line, `notes` stand below it, `metrics` are shown while it goes on. */
export interface Notes {
  readonly facts: ReadonlyArray<string>
  readonly notes: ReadonlyArray<string>
  readonly metrics: Readonly<Record<string, number>>
}

/** A number as short as it can be read: whole numbers in full, others with three digits. */
export const short = (value: number): string =>
  Number.isInteger(value) ? amount(value) : String(Number(value.toPrecision(3)))

/** "fidelity/falseSuccessRate" is "false success rate". */
export const label = (name: string): string => words(name.slice(name.lastIndexOf("/") + 1))

const none: Notes = { facts: [], notes: [], metrics: {} }

const facts = (...said: ReadonlyArray<string>): Notes => ({ ...none, facts: said })

/** Of a measurement these are counts; the rest are shares. */
const isCount = (name: string): boolean =>
  /(transitions|episodes|wins|known|explained)$/i.test(name) && !/exact/i.test(name)

const measured = (title: string, metrics: Readonly<Record<string, number>>): Notes => ({
  ...none,
  notes: [
    `${title}: ${Object.entries(metrics)
      .filter(([name]) => !/(Positive|Negative|Low|High)$/.test(name))
      .map(([name, value]) => `${label(name)} ${isCount(name) ? amount(value) : percent(value)}`)
      .join(", ")}`
  ]
})

/** Of an update's many metrics, those worth watching. */
const watched = ["dream/success_rate", "charts/episodic_return", "losses/approx_kl"]

export const notesOf: (event: RunEvent.RunEvent) => Notes = Match.type<RunEvent.RunEvent>().pipe(
  Match.tags({
    CollectedRealExperience: ({ demonstrations, successes, trajectories, transitions }) =>
      facts(
        `${amount(trajectories)} trajectories (${amount(demonstrations)} demonstrations, ${amount(successes)} successes)`,
        `${amount(transitions)} transitions`
      ),
    FittedExperienceModel: ({ loss, updates }) =>
      facts(`${amount(updates)} updates`, `loss ${short(loss)}`),
    ClonedPolicy: ({ loss, policy, trajectories, updates }) =>
      facts(
        `${policy} from ${amount(trajectories)} trajectories in ${amount(updates)} updates, loss ${short(loss)}`
      ),
    MeasuredFidelity: ({ metrics }) => measured("fidelity", metrics),
    MeasuredCalibration: ({ metrics }) =>
      measured("calibration before learning in dreams", metrics),
    DreamtGroups: ({ accepted, trajectories }) => ({
      ...none,
      metrics: trajectories === 0 ? {} : { accepted: accepted / trajectories }
    }),
    UpdatedPolicy: ({ metrics }) => ({
      ...none,
      metrics: Object.fromEntries(
        watched.flatMap((name) => (metrics[name] === undefined ? [] : [[name, metrics[name]]]))
      )
    }),
    EvaluatedPolicy: ({ evaluation }) => facts(`${evaluation.policy} ${percent(evaluation.rate)}`)
  }),
  Match.orElse(() => none)
)
