/**
 * A replay buffer as its laws meet it: made anew for each try, with the setting that the law wants.
 * It holds no law itself; start with `ReplayBufferLaws`.
 */
import { ReplayBuffer, type Embedder, type Trajectory } from "@dreamgym/domain"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as fc from "fast-check"
import { forAll, law, type Law } from "./Law.ts"
import type { Setting } from "./ReplayBufferModel.ts"

export type Buffer = ReplayBuffer.ReplayBuffer["Service"]
export type BufferLayer = Layer.Layer<ReplayBuffer.ReplayBuffer, unknown>

/**
 * `buffer` makes a new, empty one whenever it is built; it keeps to the setting and finds transitions by their observation and
 * action. `durable` makes a new place; the layer that it answers opens this place whenever it is built, for one at a time.
 * `embedded` makes an empty one that finds by the cosines of this embedder, every number of them. `runs` is how many stories are
 * played (default 30); of the other laws a third as many values are tried.
 */
export interface Options {
  readonly name: string
  readonly buffer: (setting: Setting) => BufferLayer
  readonly durable?: (setting: Setting) => Effect.Effect<BufferLayer, unknown, Scope.Scope>
  readonly embedded?: (embedder: Embedder.Embedder) => BufferLayer
  readonly runs?: number
}

/** No bound, no evaluation data, all of the same quality. */
export const plain: Setting = { evaluation: () => false, quality: () => 1 }

export type Check<A> = (value: A, buffer: Buffer) => Effect.Effect<void, unknown>

/** A law about a new buffer, for many values. */
export const always = <A>(
  name: string,
  { buffer, runs }: Pick<Options, "buffer" | "runs">,
  values: fc.Arbitrary<A>,
  check: Check<A>,
  setting: Setting = plain
): Law =>
  law(
    name,
    forAll(
      values,
      (value) => within(buffer(setting), (service) => check(value, service)),
      valuesOf(runs)
    )
  )

/** How many stories are played. */
export const storiesOf = (runs = 30): number => runs

/** How many values are tried of a law that is no story. */
export const valuesOf = (runs?: number): number => Math.ceil(storiesOf(runs) / 3)

/** `use` with the buffer of `layer`, which is built anew and closed again. */
export const within = <A, E>(
  layer: BufferLayer,
  use: (buffer: Buffer) => Effect.Effect<A, E>
): Effect.Effect<A, unknown> =>
  ReplayBuffer.ReplayBuffer.use(use).pipe(Effect.provide(Layer.fresh(layer)))

/** Open until `scope` closes. */
export const openIn = (layer: BufferLayer, scope: Scope.Scope): Effect.Effect<Buffer, unknown> =>
  Effect.map(Layer.buildWithScope(Layer.fresh(layer), scope), (context) =>
    Context.get(context, ReplayBuffer.ReplayBuffer)
  )

/** The same experience under other names: of another task, so that the content differs too. */
export const renamed = (trajectory: Trajectory.Trajectory, id: string): Trajectory.Trajectory => ({
  ...trajectory,
  id: `of-${id}`,
  task: { ...trajectory.task, id }
})
