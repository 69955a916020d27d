/** The ways of a buffer to be wrong about who stays, who may be drawn and what a snapshot holds. */
import { Trajectory } from "@dreamgym/domain"
import * as Model from "../src/ReplayBufferModel.ts"
import type { Flaws } from "./memory.ts"

type Rules = NonNullable<Flaws["rules"]>
type Add = typeof Model.add

/** As if the setting were another. */
const under =
  (change: (setting: Model.Setting) => Model.Setting): Add =>
  (model, list) => {
    const other = { ...model, setting: change(model.setting) }
    const fresh = Model.add(other, list)
    model.items = other.items
    model.came = other.came
    model.duplicates = other.duplicates
    return fresh
  }

/** Of two of the cast with the same id, which have the same content, the first stays. */
const firstStays =
  (isFirst: (item: Model.Item) => boolean): Add =>
  (model, list) => {
    if (list.some(({ task }) => model.setting.evaluation(task))) return undefined
    return list.filter((one) => {
      if (!model.items.some((item) => item.trajectory.id === one.id && isFirst(item))) {
        return (Model.add(model, [one]) ?? 0) > 0
      }
      model.duplicates++
      return false
    }).length
  }

const isRejected = ({ trajectory }: Model.Item) => Trajectory.isRejected(trajectory)
const isFailed = ({ trajectory }: Model.Item) => trajectory.ending._tag === "Failed"

export const deaf: Rules = { add: under((setting) => ({ ...setting, evaluation: () => false })) }

/** Each time it is something new. */
export const keepsDuplicates: Rules = {
  add: (model, list) => {
    model.items = [
      ...model.items,
      ...list.map((trajectory) => ({ trajectory, seq: model.came++, priority: 1 }))
    ]
    return list.length
  }
}

export const dreamsStay: Rules = { add: firstStays((item) => !isRejected(item)) }
export const rejectionsStay: Rules = { add: firstStays(isRejected) }

export const evictsTheBest: Rules = {
  add: under((setting) => ({ ...setting, quality: (one) => -setting.quality(one) }))
}

export const evictsTheYoungest = (): Rules => {
  const order = new Map<Trajectory.Trajectory, number>()
  const ageOf = (one: Trajectory.Trajectory) => {
    const age = order.get(one) ?? order.size
    order.set(one, age)
    return age
  }
  return {
    add: (model, list) => {
      list.forEach(ageOf)
      const youngest = (setting: Model.Setting): Model.Setting => ({
        ...setting,
        quality: (one) => setting.quality(one) - 1e-6 * ageOf(one)
      })
      return under(youngest)(model, list)
    }
  }
}

export const evictsTheReal: Rules = {
  add: under(({ capacity, quotas, ...rest }) => {
    const real = Math.min(quotas?.real ?? Infinity, capacity ?? Infinity)
    return { ...rest, ...(capacity === undefined ? {} : { capacity }), quotas: { ...quotas, real } }
  })
}

export const forgetsQuotas: Rules = {
  add: under(({ quotas: { rejected: _, ...quotas } = {}, ...rest }) => ({ ...rest, quotas }))
}

export const drawsRejected: Rules = {
  drawable: ({ items }) => items.filter((item) => !isFailed(item))
}
export const drawsFailed: Rules = {
  drawable: ({ items }) => items.filter((item) => !isRejected(item))
}

const accepting = (model: Model.Model): Model.Model => ({
  ...model,
  items: model.items.map(({ trajectory: { verdict: _, ...trajectory }, ...item }) => ({
    ...item,
    trajectory
  }))
})

export const findsRejected: Rules = {
  findable: (model, query) => Model.findable(accepting(model), query)
}

export const findsNoFailed: Rules = {
  findable: (model, query) =>
    Model.findable({ ...model, items: model.items.filter((item) => !isFailed(item)) }, query)
}

/** By the source of the trajectory, not of the transition. */
export const mistakesSources: Rules = {
  findable: (model, { source, ...query }) => {
    const items = model.items.filter(
      ({ trajectory }) =>
        source === undefined || (source === "Real") === Trajectory.isReal(trajectory)
    )
    return Model.findable({ ...model, items }, query)
  }
}

export const keepsLaterOnes: Rules = { restore: () => undefined }

export const remembersLaterSnapshots: Rules = {
  restore: (model, number) => {
    const all = [...model.snapshots]
    Model.restore(model, number)
    all.forEach(([other, items]) => model.snapshots.set(other, items))
  }
}

export const restoresNewPriorities: Rules = {
  restore: (model, number) => {
    const now = new Map(model.items.map(({ priority, seq }) => [seq, priority]))
    Model.restore(model, number)
    model.items = model.items.map((item) => ({
      ...item,
      priority: now.get(item.seq) ?? item.priority
    }))
  }
}

export const releasesOlder: Rules = {
  release: (model, number) => {
    const numbers = [...model.snapshots.keys()]
    numbers.slice(0, numbers.indexOf(number) + 1).forEach((one) => Model.release(model, one))
  }
}

export const evictsWhatWasReleased: Rules = {
  release: (model, number) => {
    Model.release(model, number)
    model.items = model.items.slice(1)
  }
}

export const prioritisesAll: Rules = {
  prioritise: (model, list) => {
    const [first] = list
    if (first === undefined) return
    model.items = model.items.map((item) => ({ ...item, priority: first.priority }))
  }
}

export const forgetsPriorities = (model: Model.Model): void => {
  model.items = model.items.map((item) => ({ ...item, priority: 1 }))
}

export const forgetsSnapshots = (model: Model.Model): void => model.snapshots.clear()

export const forgetsTheLast = (model: Model.Model): void => {
  model.items = model.items.slice(0, -1)
}
