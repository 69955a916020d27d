/** `dreamgym replay prune`: takes away what is not wanted any more, and gives the space back. */
import * as Quotas from "@dreamgym/replay/Quotas"
import * as Store from "@dreamgym/replay/store/Store"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { UsageError } from "../Failure.ts"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Output from "../Output.ts"
import * as Target from "./BufferTarget.ts"
import { directory } from "./Resume.ts"

const count = (name: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(description),
    Flag.filter(
      (value) => value >= 0,
      (value) => `--${name} is ${value}; it must be at least 0`
    ),
    Flag.optional
  )

const flags = {
  buffer: Target.buffer,
  directory,
  keep: count("keep", "At most so many real and synthetic trajectories; only synthetic ones go"),
  keepReal: count("keep-real", "At most so many real ones"),
  keepSynthetic: count("keep-synthetic", "At most so many synthetic ones"),
  keepRejected: count("keep-rejected", "At most so many rejected ones; 0 takes all of them away"),
  leastQuality: Flag.Finite("least-quality").pipe(
    Flag.withDescription("Nothing below this quality"),
    Flag.optional
  ),
  source: Target.filterFlags.source,
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Say what would go, and take nothing"),
    Flag.withDefault(false),
    Flag.withoutNegation
  )
}

export const prune = Command.make(
  "prune",
  flags,
  Effect.fn("BufferPrune.run")(function* (given) {
    const what = whatOf(given)
    if (Object.keys(what.quotas ?? {}).length === 0 && what.leastQuality === undefined) {
      return yield* new UsageError({
        message: "nothing is named that should go; give one of --keep..., --least-quality"
      })
    }
    const file = yield* Target.locate(given.buffer, given.directory)
    const { held, kept, went } = yield* Effect.scoped(
      Effect.gen(function* () {
        const store = yield* Store.open({ file, readOnly: given.dryRun }, () => undefined)
        const before = store.entries()
        const pruned = given.dryRun
          ? { went: planned(before, what), held: 0 }
          : yield* store.prune(what)
        return { ...pruned, kept: before.length - total(pruned.went) }
      })
    )
    yield* Output.answer({ file, dryRun: given.dryRun, went, held, kept }, [
      `${given.dryRun ? "Would go" : "Gone"}: ${amount(went.real)} real, ${amount(went.synthetic)} synthetic, ${amount(went.rejected)} rejected; ${amount(kept)} ${given.dryRun ? "would be" : "are"} left`,
      ...(held > 0 ? [`Of these ${amount(held)} still take room, because snapshots hold them`] : [])
    ])
  })
).pipe(
  Command.withDescription("Take away what is not wanted any more, and give its space back"),
  Command.withExamples([
    {
      command: "dreamgym replay prune household-1 --keep-rejected 0 --dry-run",
      description: "How many rejected dreams would go"
    },
    {
      command: "dreamgym replay prune household-1 --keep-synthetic 500",
      description: "The best and youngest 500 dreams stay"
    }
  ])
)

const { amount } = ReportText

interface Given {
  readonly keep: Option.Option<number>
  readonly keepReal: Option.Option<number>
  readonly keepSynthetic: Option.Option<number>
  readonly keepRejected: Option.Option<number>
  readonly leastQuality: Option.Option<number>
  readonly source: Option.Option<"real" | "synthetic">
}

const whatOf = (given: Given): Store.Prune => ({
  quotas: {
    ...Target.whenGiven(given.keep, (all) => ({ all })),
    ...Target.whenGiven(given.keepReal, (real) => ({ real })),
    ...Target.whenGiven(given.keepSynthetic, (synthetic) => ({ synthetic })),
    ...Target.whenGiven(given.keepRejected, (rejected) => ({ rejected }))
  },
  ...Target.whenGiven(given.leastQuality, (leastQuality) => ({ leastQuality })),
  ...Target.whenGiven(given.source, (source) => ({ source }))
})

type Shelves = Readonly<Record<Quotas.Shelf, number>>

const total = ({ real, rejected, synthetic }: Shelves): number => real + rejected + synthetic

/** What `Store.prune` would take, counted by the same rules: first what is below the quality, then what is over the quotas. */
const planned = (
  entries: ReturnType<Store.Store["entries"]>,
  { leastQuality = Number.NEGATIVE_INFINITY, quotas = {}, source }: Store.Prune
): Shelves => {
  const isChosen = (entry: (typeof entries)[number]): boolean =>
    entry.quality < leastQuality && (source === undefined || entry.isReal === (source === "real"))
  const before = countsOf(entries)
  const stay = countsOf(entries.filter((entry) => !isChosen(entry)))
  const real = Math.min(stay.real, Quotas.room(quotas, "real", stay.real))
  const left = {
    real,
    synthetic: Math.min(stay.synthetic, Quotas.room(quotas, "synthetic", real)),
    rejected: Math.min(stay.rejected, Quotas.room(quotas, "rejected", real))
  }
  return {
    real: before.real - left.real,
    synthetic: before.synthetic - left.synthetic,
    rejected: before.rejected - left.rejected
  }
}

const countsOf = (entries: ReadonlyArray<Quotas.Kind>): Shelves => {
  const counts = { real: 0, synthetic: 0, rejected: 0 }
  for (const entry of entries) counts[Quotas.shelfOf(entry)]++
  return counts
}
