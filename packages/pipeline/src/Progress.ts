/**
 * The live view of a run: follows the run log and writes to a terminal or a pipe.
 * What there is to see is decided by `ProgressView`.
 */
import type { RunEvent } from "@dreamgym/domain"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as View from "./ProgressView.ts"
import { wrap } from "./ReportText.ts"
import { RunLog } from "./RunLog.ts"

/** Where to write. `columns` is asked at each line, so that a window may be resized; `hasColor` only matters on a terminal. */
export interface Screen {
  readonly write: (text: string) => Effect.Effect<void>
  readonly isTerminal: boolean
  readonly hasColor: boolean
  readonly columns: Effect.Effect<number>
}

/**
 * Shows every event from now on until the scope closes. On a terminal the last line changes; into a pipe go whole lines, of a
 * phase that goes on at most one in `pipeInterval`.
 */
export const follow = (screen: Screen): Effect.Effect<void, never, RunLog | Scope.Scope> =>
  Effect.gen(function* () {
    const log = yield* RunLog
    const subscription = yield* log.subscribe
    const show = screen.isTerminal ? onTerminal(screen) : intoPipe(screen)
    yield* Effect.addFinalizer(() =>
      PubSub.takeUpTo(subscription, Number.MAX_SAFE_INTEGER).pipe(
        Effect.flatMap((events) => Effect.forEach(events, (event) => show(event))),
        Effect.andThen(show(undefined, "close"))
      )
    )
    const ticks = Stream.fromSchedule(Schedule.spaced("100 millis")).pipe(
      Stream.map(() => undefined)
    )
    const moments = screen.isTerminal
      ? Stream.merge(Stream.fromSubscription(subscription), ticks)
      : Stream.fromSubscription(subscription)
    yield* Effect.forkScoped(Stream.runForEach(moments, (event) => show(event)))
  })

/** Shows an event; without one only time has passed, or the end has come. */
type Show = (event: RunEvent.RunEvent | undefined, close?: "close") => Effect.Effect<void>

const clear = "\r\u001b[2K"

const onTerminal = (screen: Screen): Show => {
  let view = View.initial
  return Effect.fnUntraced(function* (event, close) {
    const now = yield* Clock.currentTimeMillis
    const width = Math.max(1, (yield* screen.columns) - 1)
    const [next, lines] =
      event === undefined
        ? [view, close === "close" ? View.leftover(view) : []]
        : View.step(view, event, now)
    view = next
    const staying = lines.flatMap((line) => wrap(line, width)).map((line) => `${line}\n`)
    const live = close === "close" ? "" : View.live(view, now, width)
    const painted = screen.hasColor
      ? [...staying.map(paintDone), paintLive(live)]
      : [...staying, live]
    yield* screen.write(`${clear}${painted.join("")}`)
  })
}

const pipeInterval = 5000

const intoPipe = (screen: Screen): Show => {
  let view = View.initial
  let saidAt = Number.NEGATIVE_INFINITY
  return Effect.fnUntraced(function* (event) {
    if (event === undefined) return yield* screen.write(written(View.leftover(view)))
    const now = yield* Clock.currentTimeMillis
    const [next, lines] = View.step(view, event, now)
    view = next
    const isDue = lines.length === 0 && now - saidAt >= pipeInterval
    const going =
      event._tag === "PhaseStarted"
        ? `${View.titles[event.phase].trimEnd()} ...`
        : isDue
          ? View.plain(view, now)
          : ""
    const said = [...lines, ...(going === "" ? [] : [going])]
    if (said.length === 0) return
    saidAt = now
    yield* screen.write(written(said))
  })
}

const written = (lines: ReadonlyArray<string>): string =>
  lines.map((line) => `${line.trimEnd()}\n`).join("")

const paintDone = (line: string): string => line.replace(/^✓/, "\u001b[32m✓\u001b[39m")

const paintLive = (line: string): string =>
  line.replace(/^\S/, "\u001b[36m$&\u001b[39m").replace(/━+/, "\u001b[32m$&\u001b[39m")
