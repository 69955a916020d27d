/**
 * Settings that contradict one another or the model: each with the option's name and the remedy.
 * They are refused when a learner is made, before anything is computed.
 */
import { Learner } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { estimators } from "./Estimator.ts"
import type { Model, Shape } from "./Model.ts"
import type { PolicyGradientOptions, PolicyLearnerOptions } from "./Options.ts"

/** What is wrong where it holds. */
type Rule = readonly [isBroken: boolean, message: string]

type AnyModel = Pick<Model<never, Shape>, "hasTokenValues" | "hasValue">

type Refused = Effect.Effect<never, Learner.LearnerError> | undefined

/** What a policy gradient cannot do: undefined where nothing is wrong. */
export const refusedGradient = (options: PolicyGradientOptions, model: AnyModel): Refused =>
  refusedBy([
    ...numbers(options),
    ...losses(options),
    ...references(options),
    ...warmUps(options, model),
    ...levels(options, model)
  ])

/** What a learner of trajectory groups cannot do, besides what its gradient cannot. */
export const refusedLearner = (options: PolicyLearnerOptions): Refused => {
  const { adaptiveKl, advEstimator, advantageLevel, groupSize = 2, klInRewardCoef = 0 } = options
  const { comparesGroup } = estimators[advEstimator]
  return refusedBy([
    ...["gamma" as const, "gaeLambda" as const].map((name): Rule => [
      !(options[name] >= 0 && options[name] <= 1),
      `${name} is ${options[name]}; it must be from 0 to 1`
    ]),
    [
      comparesGroup && groupSize < 2,
      `advEstimator "${advEstimator}" compares the episodes of a group, but groupSize is ${groupSize}; set groupSize to 2 or more, or advEstimator to "gae" or "reinforce_plus_plus"`
    ],
    [
      comparesGroup && advantageLevel === "token",
      `advEstimator "${advEstimator}" gives all tokens of an episode one advantage; set advantageLevel to "step"`
    ],
    [klInRewardCoef < 0, `klInRewardCoef is ${klInRewardCoef}; it must be 0 or more`],
    [
      klInRewardCoef > 0 && options.reference === undefined,
      "klInRewardCoef > 0 needs a reference policy; give one, or set klInRewardCoef to 0"
    ],
    [
      adaptiveKl !== undefined &&
        options.reference !== undefined &&
        klInRewardCoef === 0 &&
        options.klLossCoef === 0,
      "adaptiveKl scales klInRewardCoef and klLossCoef, and both are 0; set one of them, or leave adaptiveKl out"
    ],
    [
      options.maxStaleness !== undefined && !(options.maxStaleness >= 0),
      `maxStaleness is ${options.maxStaleness}; it must be 0 or more versions`
    ],
    ...overlong(options)
  ])
}

/** A group of one cannot be compared with anything. */
export const loneGroups = (advEstimator: string): Effect.Effect<never, Learner.LearnerError> =>
  failed(
    `advEstimator "${advEstimator}" compares the episodes of a group, but every group has one; collect with groupSize 2 or more, or set advEstimator to "gae"`
  )

const failed = (message: string) =>
  Effect.fail(new Learner.LearnerError({ reason: "BadOptions", message }))

const refusedBy = (rules: ReadonlyArray<Rule>): Refused => {
  const broken = rules.find(([isBroken]) => isBroken)
  return broken === undefined ? undefined : failed(broken[1])
}

const notNegative = [
  "clipRatioLow",
  "clipRatioHigh",
  "valueClip",
  "vfCoef",
  "entropyCoef",
  "klLossCoef",
  "targetKl"
] as const

const positive = ["maxGradNorm", "ppoEpochs", "miniBatchSize"] as const

const numbers = (options: PolicyGradientOptions): ReadonlyArray<Rule> => [
  ...notNegative.map((name): Rule => [
    !(options[name] >= 0),
    `${name} is ${options[name]}; it must be 0 or more`
  ]),
  ...positive.map((name): Rule => [
    !(options[name] > 0),
    `${name} is ${options[name]}; it must be more than 0`
  ])
]

const losses = ({
  clipRatioC = 0,
  lossAgg,
  lossHorizon = 0,
  ratioLevel,
  surrogate
}: PolicyGradientOptions): ReadonlyArray<Rule> => [
  [
    clipRatioC !== 0 && !(clipRatioC > 1),
    `clipRatioC is ${clipRatioC}; the dual clip bounds what is beyond the advantage itself: set it above 1 (usual: 3), or to 0 for none`
  ],
  [
    surrogate === "cispo" && clipRatioC !== 0,
    'surrogate "cispo" clips the weight itself and has no dual clip; set clipRatioC to 0'
  ],
  [
    surrogate === "cispo" && ratioLevel === "sequence",
    'surrogate "cispo" weighs log-probabilities of tokens or actions; set ratioLevel to "token" or "action"'
  ],
  [
    lossAgg === "seq-mean-token-sum-norm" && !(lossHorizon > 0),
    'lossAgg "seq-mean-token-sum-norm" divides by a constant length; set lossHorizon to the most tokens that an action may have'
  ]
]

const references = ({
  adaptiveKl,
  klLossCoef,
  reference
}: PolicyGradientOptions): ReadonlyArray<Rule> => [
  [
    klLossCoef > 0 && reference === undefined,
    "klLossCoef > 0 needs a reference policy; give one, or set klLossCoef to 0"
  ],
  [
    adaptiveKl !== undefined && reference === undefined,
    "adaptiveKl needs a reference policy to be near to; give one, or leave adaptiveKl out"
  ],
  [
    adaptiveKl !== undefined && !(adaptiveKl.target > 0 && adaptiveKl.horizon > 0),
    "adaptiveKl needs a target and a horizon above 0 (usual: horizon 10000 decisions)"
  ]
]

const warmUps = (
  { criticLrFactor = 1, criticWarmup = 0, vfCoef }: PolicyGradientOptions,
  { hasValue }: AnyModel
): ReadonlyArray<Rule> => [
  [
    !(Number.isInteger(criticWarmup) && criticWarmup >= 0),
    `criticWarmup is ${criticWarmup}; it must be a number of updates, 0 or more`
  ],
  [!(criticLrFactor > 0), `criticLrFactor is ${criticLrFactor}; it must be more than 0`],
  [
    criticWarmup > 0 && !(vfCoef > 0 && hasValue),
    `criticWarmup is ${criticWarmup}, but nothing trains a critic here; set criticWarmup to 0, or use a model and an advEstimator with a critic and vfCoef above 0`
  ]
]

const levels = (
  { advantageLevel, isCorrection, ratioLevel = "action", vfCoef }: PolicyGradientOptions,
  { hasTokenValues }: AnyModel
): ReadonlyArray<Rule> => [
  [
    advantageLevel === "token" && ratioLevel !== "token",
    `advantageLevel "token" gives every token its own advantage, but ratioLevel is "${ratioLevel}"; set ratioLevel to "token"`
  ],
  [
    advantageLevel === "token" && vfCoef > 0 && !hasTokenValues,
    'advantageLevel "token" needs a critic at every token, and this model has none; set advantageLevel to "step", or vfCoef to 0'
  ],
  [
    isCorrection?.level === "token" && ratioLevel !== "token",
    `isCorrection.level "token" weighs every token by itself, but ratioLevel is "${ratioLevel}"; set one of the two to the other's level`
  ],
  [
    isCorrection !== undefined && !(isCorrection.threshold > 0),
    "isCorrection.threshold must be above 0 (usual: 2)"
  ]
]

const overlong = ({ overlong: limit }: PolicyLearnerOptions): ReadonlyArray<Rule> =>
  limit === undefined
    ? []
    : [
        [
          !(limit.bufferTokens > 0 && limit.bufferTokens <= limit.maxTokens && limit.penalty >= 0),
          "overlong needs bufferTokens above 0 and at most maxTokens, and a penalty of 0 or more"
        ]
      ]
