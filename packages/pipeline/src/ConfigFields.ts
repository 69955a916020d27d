/**
 * The kinds of fields that a configuration is made of: each with its default, its range in words and what it means.
 * Which fields there are is the business of `Config`.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** A whole number from `minimum` to `maximum`. */
export const whole = (minimum: number, maximum: number, fallback: number, description: string) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))
    .annotate({ description, domain: `a whole number from ${minimum} to ${maximum}` })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(fallback)))

/** A finite number from `minimum` to `maximum`. */
export const real = (minimum: number, maximum: number, fallback: number, description: string) =>
  Schema.Finite.check(Schema.isBetween({ minimum, maximum }))
    .annotate({ description, domain: `a number from ${minimum} to ${maximum}` })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(fallback)))

export const share = (fallback: number, description: string) => real(0, 1, fallback, description)

export const flag = (fallback: boolean, description: string) =>
  Schema.Boolean.annotate({ description, domain: "true or false" }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(fallback))
  )

export const oneOf = <const L extends ReadonlyArray<string>>(
  literals: L,
  fallback: L[number],
  description: string
) =>
  Schema.withDecodingDefaultKey<Schema.Literals<L>>(Effect.succeed(fallback))(
    Schema.Literals(literals)
  ).annotate({ description, domain: `one of ${literals.join(", ")}` })

export const text = (description: string, domain: string) =>
  Schema.NonEmptyString.annotate({ description, domain })

/** Learning rates: below 1e-7 nothing moves, above 1 everything bursts. */
export const rate = (fallback: number, description: string) => real(1e-7, 1, fallback, description)
