/**
 * Many games stepped together, in columns, as ALFWorld's batch environment shows them: one command each, one list per
 * field. It is pure and has the original's step limit; episodes with scopes and typed ends are `GameEpisode`'s.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Game from "./Game.ts"

/** The original's: every command counts, also one that does nothing. */
export const stepLimit = 50

/** One game of a batch. */
export interface Seat {
  readonly state: Game.GameState
  readonly steps: number
  readonly isDone: boolean
}

/** Immutable: an earlier batch can be stepped again. */
export interface GameBatch {
  readonly seats: ReadonlyArray<Seat>
  readonly stepLimit: number
}

/** One entry per game. `scores` are 1 where the game is won, else 0; `isDone`: won, or out of steps. */
export interface Columns {
  readonly observations: ReadonlyArray<string>
  readonly scores: ReadonlyArray<number>
  readonly isDone: ReadonlyArray<boolean>
  readonly won: ReadonlyArray<boolean>
  readonly admissible: ReadonlyArray<ReadonlyArray<string>>
}

/** The commands are not as many as the games. */
export class GameBatchError extends Schema.TaggedError<GameBatchError>()("GameBatchError", {
  reason: Schema.Literal("count"),
  games: Schema.Int,
  commands: Schema.Int
}) {
  override get message(): string {
    return `${this.commands} commands for ${this.games} games; give one for each, also for those that are done`
  }
}

/** All games at their first observation. `stepLimit`: 50 where absent. */
export const start = (
  games: ReadonlyArray<Game.Game>,
  options: { readonly stepLimit?: number } = {}
): GameBatch => ({
  seats: games.map((game) => ({ state: Game.start(game), steps: 0, isDone: false })),
  stepLimit: options.stepLimit ?? stepLimit
})

/** One command for each game; those that are done stay as they are. */
export const step = (
  { seats, stepLimit: limit }: GameBatch,
  commands: ReadonlyArray<string>
): Result.Result<GameBatch, GameBatchError> => {
  if (commands.length !== seats.length) {
    const counts = { games: seats.length, commands: commands.length }
    return Result.fail(new GameBatchError({ reason: "count", ...counts }))
  }
  const after = seats.map((seat, index) => advance(seat, commands[index] ?? "", limit))
  return Result.succeed({ seats: after, stepLimit: limit })
}

const advance = (seat: Seat, command: string, limit: number): Seat => {
  if (seat.isDone) return seat
  const state = Game.step(seat.state, command)
  const steps = seat.steps + 1
  return { state, steps, isDone: state.won || steps >= limit }
}

/** What the batch shows, by field. */
export const columns = ({ seats }: GameBatch): Columns => ({
  observations: seats.map(({ state }) => state.observation),
  scores: seats.map(({ state }) => (state.won ? 1 : 0)),
  isDone: seats.map(({ isDone }) => isDone),
  won: seats.map(({ state }) => state.won),
  admissible: seats.map(({ state }) => state.admissible)
})
