/**
 * CartPole-v1 of Gymnasium: a pole on a cart, pushed left (0) or right (1) fifty times a second
 * (Barto, Sutton & Anderson 1983). Its equations, bounds and step limit; not its pictures, nor its
 * source of random numbers.
 */
import type { ControlTask } from "./ControlTask.ts"

/** Metres, metres per second, radians, radians per second. */
export interface Cart {
  readonly position: number
  readonly velocity: number
  readonly angle: number
  readonly angularVelocity: number
}

const gravity = 9.8
const poleMass = 0.1
const totalMass = 1 + poleMass
/** Half the pole's length. */
const length = 0.5
const force = 10
const seconds = 0.02
const farthest = 2.4
const steepest = (12 * 2 * Math.PI) / 360

/** One Euler step, and 1 for it: also for the step that ends the episode. */
const step = (cart: Cart, action: number) => {
  const { angle, angularVelocity, position, velocity } = cart
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)]
  const push = action === 1 ? force : -force
  const common = (push + poleMass * length * angularVelocity ** 2 * sine) / totalMass
  const angularAcceleration =
    (gravity * sine - cosine * common) / (length * (4 / 3 - (poleMass * cosine ** 2) / totalMass))
  const acceleration = common - (poleMass * length * angularAcceleration * cosine) / totalMass
  const state: Cart = {
    position: position + seconds * velocity,
    velocity: velocity + seconds * acceleration,
    angle: angle + seconds * angularVelocity,
    angularVelocity: angularVelocity + seconds * angularAcceleration
  }
  return { state, reward: 1, isOver: isLost(state) }
}

const isLost = ({ angle, position }: Cart): boolean =>
  Math.abs(position) > farthest || Math.abs(angle) > steepest

/** The return is the number of steps: 500 at most. */
export const cartPole: ControlTask<Cart> = {
  name: "CartPole-v1",
  observationSize: 4,
  actions: 2,
  stepLimit: 500,
  start: (random) => {
    const draw = () => random() * 0.1 - 0.05
    return { position: draw(), velocity: draw(), angle: draw(), angularVelocity: draw() }
  },
  step,
  observe: ({ angle, angularVelocity, position, velocity }) => [
    position,
    velocity,
    angle,
    angularVelocity
  ]
}
