/**
 * The buffer's snapshots that a run has taken: which checkpoint needs which, and which nobody needs any more.
 * The database itself is the buffer's business.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { BufferState, State } from "./CheckpointManifest.ts"
import type { RunError } from "./RunError.ts"

export interface Snapshots {
  /** Where the buffer stands now, by a snapshot that stays until it is released. */
  readonly take: Effect.Effect<BufferState, ReplayBuffer.ReplayBufferError>
  /**
   * Releases all but the newest and those that `checkpoints` name. What cannot be released now is told, and tried again the next time:
   * it costs room, and nothing else.
   */
  readonly releaseExcept: <R>(
    checkpoints: Effect.Effect<ReadonlyArray<State>, RunError, R>
  ) => Effect.Effect<void, never, R>
}

/** `held`: what an earlier process had taken and not released. */
export const make = Effect.fn("Snapshots.make")(function* (
  buffer: ReplayBuffer.ReplayBuffer["Service"],
  held: ReadonlyArray<number>
): Effect.fn.Return<Snapshots> {
  const known = yield* Ref.make(held)
  const take = Effect.gen(function* () {
    const snapshot = yield* buffer.snapshot
    const all = yield* Ref.updateAndGet(known, (before) => [...before, snapshot])
    const { duplicates: _, ...counts } = yield* buffer.stats
    return { snapshot, held: all, ...counts }
  })
  return {
    take: Effect.uninterruptible(take),
    releaseExcept: (checkpoints) =>
      checkpoints.pipe(
        Effect.flatMap((states) => releaseUnneeded(buffer, known, states)),
        Effect.catch(({ message }) => Effect.logWarning(`${message}; older snapshots stay for now`))
      )
  }
})

const releaseUnneeded = Effect.fnUntraced(function* (
  buffer: ReplayBuffer.ReplayBuffer["Service"],
  known: Ref.Ref<ReadonlyArray<number>>,
  states: ReadonlyArray<State>
) {
  const all = yield* Ref.get(known)
  const needed = new Set([all.at(-1), ...states.map((state) => state.buffer?.snapshot)])
  for (const snapshot of all.filter((one) => !needed.has(one))) {
    yield* buffer.release(snapshot).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "NoSnapshot",
        () => Effect.void
      ),
      Effect.andThen(Ref.update(known, (left) => left.filter((one) => one !== snapshot)))
    )
  }
})
