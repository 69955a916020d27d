/**
 * The numbers of a run under the names that users know (cleanrl's and ours), as a pure fold of its events.
 * It measures nothing itself.
 */
import type { RunEvent } from "@dreamgym/domain"
import * as Match from "effect/Match"

/** One line of metrics.jsonl without its time: names with a slash are metrics, the others say where and when. */
export type Line = Readonly<Record<string, number | string>>

type EventOf<Tag extends RunEvent.RunEvent["_tag"]> = Extract<
  RunEvent.RunEvent,
  { readonly _tag: Tag }
>

/** What `event` measures; undefined where it measures nothing. */
export const line = (event: RunEvent.RunEvent): Line | undefined => measure(event)

/** A metric that has no namespace gets one. */
const within = (namespace: string, metrics: Readonly<Record<string, number>>): Line =>
  Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [
      name.includes("/") ? name : `${namespace}/${name}`,
      value
    ])
  )

const dreamt = (event: EventOf<"DreamtGroups">): Line => ({
  phase: "dream",
  iteration: event.iteration,
  "dream/trajectories": event.trajectories,
  "dream/transitions": event.transitions,
  "dream/accepted": event.accepted,
  "dream/accept_rate": event.trajectories === 0 ? 0 : event.accepted / event.trajectories,
  ...Object.fromEntries(
    Object.entries(event.rejected).map(([reason, count]) => [`dream/reject_${reason}`, count])
  ),
  "dream/tokens": event.tokens
})

const lived = (event: EventOf<"LivedGroups">): Line => ({
  phase: "dream",
  iteration: event.iteration,
  "lived/trajectories": event.trajectories,
  "lived/transitions": event.transitions,
  "lived/accepted": event.accepted,
  "lived/successes": event.successes,
  "lived/tokens": event.tokens
})

const evaluated = ({ evaluation, iteration }: EventOf<"EvaluatedPolicy">): Line => ({
  phase: "evaluate",
  iteration,
  policy: evaluation.policy,
  environment: evaluation.environment,
  "val/success_rate": evaluation.rate,
  "val/success_rate_low": evaluation.low,
  "val/success_rate_high": evaluation.high,
  "val/episodes": evaluation.episodes,
  "val/faults": evaluation.faults,
  "val/mean_steps": evaluation.meanSteps
})

const collected = (event: EventOf<"CollectedRealExperience">): Line => ({
  phase: "collect",
  "data/trajectories": event.trajectories,
  "data/transitions": event.transitions,
  "data/demonstrations": event.demonstrations,
  "data/successes": event.successes
})

const nothing = () => undefined

const measure: (event: RunEvent.RunEvent) => Line | undefined =
  Match.type<RunEvent.RunEvent>().pipe(
    Match.tagsExhaustive({
      RunStarted: nothing,
      RunResumed: nothing,
      PhaseStarted: nothing,
      PhaseProgressed: ({ done, metrics, phase, total }): Line => ({
        phase,
        done,
        total,
        ...within(phase, metrics)
      }),
      PhaseFinished: ({ phase, seconds }): Line => ({ phase, [`time/${phase}_seconds`]: seconds }),
      CollectedRealExperience: collected,
      FittedExperienceModel: ({ loss, updates }): Line => ({
        phase: "fit",
        "experience/updates": updates,
        "experience/loss": loss
      }),
      MeasuredFidelity: ({ metrics }): Line => ({ phase: "fit", ...within("fidelity", metrics) }),
      ClonedPolicy: ({ loss, policy, trajectories, updates }): Line => ({
        phase: "clone",
        policy,
        "clone/updates": updates,
        "clone/trajectories": trajectories,
        "clone/loss": loss
      }),
      MeasuredCalibration: ({ metrics }): Line => ({
        phase: "dream",
        ...within("calibration", metrics)
      }),
      DreamtGroups: dreamt,
      LivedGroups: lived,
      RefreshedExperienceModel: ({ iteration, loss, metrics, trajectories, updates }): Line => ({
        phase: "dream",
        iteration,
        "refresh/trajectories": trajectories,
        "refresh/updates": updates,
        "refresh/loss": loss,
        ...within("probe", metrics)
      }),
      RaisedAlarm: ({ alarm, iteration, metric, value }): Line => ({
        phase: "dream",
        iteration,
        alarm,
        [metric]: value
      }),
      RejectedTrajectory: nothing,
      UpdatedPolicy: ({ iteration, metrics, policyVersion }): Line => ({
        phase: "dream",
        iteration,
        policyVersion,
        ...within("losses", metrics)
      }),
      SavedCheckpoint: nothing,
      EvaluatedPolicy: evaluated,
      RunFinished: ({ seconds }): Line => ({ "time/run_seconds": seconds }),
      RunStopped: nothing
    })
  )
