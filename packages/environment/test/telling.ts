/** A small house told turn by turn, for the tests of the notebook. */
import { History, Task } from "@dreamgym/domain"

export const first =
  "You are in the middle of a room. Looking quickly around you, you see a cabinet 2, a cabinet 1, a desk 1, " +
  "a fridge 1, a microwave 1, and a sinkbasin 1.\n\nYour task is to: put a clean mug in desk."

export type Turn = readonly [action: string, observation: string]

export const told = (...turns: Array<Turn>) =>
  History.fromTurns(
    first,
    turns.map(([action, observation]) => ({ action, observation }))
  )

export const taskTo = (instruction: string): Task.Task => ({
  id: "test",
  environment: "household",
  instruction,
  seed: 0,
  payload: {},
  origin: Task.original
})
export const task = taskTo("put a clean mug in desk")

export const atDesk = [
  "go to desk 1",
  "You arrive at desk 1. On the desk 1, you see a desklamp 1, a mug 2, and a mug 1."
] as const
export const takeMug = ["take mug 1 from desk 1", "You pick up the mug 1 from the desk 1."] as const
export const atSink = [
  "go to sinkbasin 1",
  "You arrive at sinkbasin 1. On the sinkbasin 1, you see nothing."
] as const
export const atFridge = [
  "go to fridge 1",
  "You arrive at fridge 1. The fridge 1 is closed."
] as const
export const clean = [
  "clean mug 1 with sinkbasin 1",
  "You clean the mug 1 using the sinkbasin 1."
] as const
