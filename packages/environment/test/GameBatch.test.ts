import { Result } from "effect"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as GameBatch from "../src/alfworld/GameBatch.ts"
import { after, room } from "./room.ts"

const game = Result.getOrThrow(Game.load(room, "room"))

const played = (batch: GameBatch.GameBatch, ...rounds: ReadonlyArray<ReadonlyArray<string>>) =>
  rounds.reduce((now, commands) => Result.getOrThrow(GameBatch.step(now, commands)), batch)

describe("A batch of games", () => {
  it("shows in columns what each game alone would show", () => {
    const two = played(GameBatch.start([game, game]), ["go to shelf 2", "dance"])
    const [one, other] = [after("go to shelf 2"), after("dance")]
    expect(GameBatch.columns(two)).toEqual({
      observations: [one.observation, other.observation],
      scores: [0, 0],
      isDone: [false, false],
      won: [false, false],
      admissible: [one.admissible, other.admissible]
    })
  })

  it("leaves a game that is won as it was, while the others go on", () => {
    const winning = [
      "go to shelf 2",
      "take lamp 1 from shelf 2",
      "go to shelf 1",
      "put lamp 1 into shelf 1"
    ]
    const won = played(
      GameBatch.start([game, game]),
      ...winning.map((command) => [command, "wait"])
    )
    const later = GameBatch.columns(played(won, ["take lamp 1 from shelf 1", "look"]))
    expect([later.scores, later.isDone, later.observations]).toEqual([
      [1, 0],
      [true, false],
      [after(...winning).observation, "Around: nothing."]
    ])
  })

  it("ends each game after its limit of commands, 50 unless told otherwise, also of those that do nothing", () => {
    const commands = Array.from({ length: 3 }, () => ["dance"])
    const done = commands.map(
      (_, index) =>
        GameBatch.columns(
          played(GameBatch.start([game], { stepLimit: 3 }), ...commands.slice(index))
        ).isDone[0]
    )
    expect([done, GameBatch.start([game]).stepLimit]).toEqual([[true, false, false], 50])
  })

  it("is refused commands for other than all of its games", () => {
    expect(Result.getFailure(GameBatch.step(GameBatch.start([game]), []))).toMatchObject({
      value: { message: "0 commands for 1 games; give one for each, also for those that are done" }
    })
  })
})
