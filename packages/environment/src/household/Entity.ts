/**
 * A numbered word of a house: `cabinet 2` is of kind `cabinet`.
 * What it is (a room, a place, an object) follows from where it stands in a `Layout`.
 */
export interface Entity {
  readonly kind: string
  readonly number: number
}

/** As players read it. */
export const nameOf = ({ kind, number }: Entity): string => `${kind} ${number}`
