import { assert, describe, it } from "@effect/vitest"
import { Ending, type QualityFilter as Contract, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { GroupRules, QualityFilter } from "../../src/index.ts"
import { knownWorlds, listing } from "../boxes.ts"
import { dreamt, good, lost, task } from "../dreams.ts"

const cheat = dreamt("cheat", [["open box 1", listing("box 1", "pen 1"), 1]])
const broken = dreamt("broken", [["wait", ""]], Ending.failed("Parse", "no <obs>"))

/** `won` and `lost` pass the filter, the others are what they are rejected for. */
const kinds = { won: good, lost, UnearnedReward: cheat, Fault: broken }
type Kind = keyof typeof kinds

const groupOf = (shape: ReadonlyArray<Kind>, g: number): Trajectory.TrajectoryGroup => ({
  task,
  policyVersion: g,
  trajectories: shape.map((kind, i) => ({ ...kinds[kind], id: `${g}.${i}` }))
})

/** What flows on and what is held back, in their order. */
const gated = (
  shapes: ReadonlyArray<ReadonlyArray<Kind>>,
  groupRules: ReadonlyArray<GroupRules.GroupRule>,
  concurrency?: number
) =>
  Effect.gen(function* () {
    const heldBack: Array<QualityFilter.HeldBack> = []
    const passed = yield* Stream.fromIterable(shapes.map(groupOf)).pipe(
      QualityFilter.gate({
        report: (one) => Effect.sync(() => void heldBack.push(one)),
        groupRules,
        ...(concurrency === undefined ? {} : { concurrency })
      }),
      Stream.runCollect
    )
    return { heldBack, passed }
  }).pipe(Effect.provide(QualityFilter.layer({ knowledge: knownWorlds })))

const idsOf = (trajectories: ReadonlyArray<Trajectory.Trajectory>) =>
  trajectories.map(({ id }) => id)

/** The verdict of the filter alone, on each member. */
const verdicts = (shapes: ReadonlyArray<ReadonlyArray<Kind>>) =>
  Effect.forEach(shapes.map(groupOf), ({ trajectories }) =>
    Effect.forEach(trajectories, (trajectory) =>
      Effect.map(
        QualityFilter.make({ knowledge: knownWorlds }).judge(trajectory),
        (verdict): Trajectory.Trajectory => ({ ...trajectory, verdict })
      )
    )
  )

const isAccepted = ({ verdict }: Trajectory.Trajectory) => verdict?._tag === "Accepted"

describe("the gate", () => {
  it("holds back what the filter rejects, and writes each verdict on its trajectory", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.constantFrom<Kind>("won", "lost", "UnearnedReward", "Fault")), {
          maxLength: 5
        }),
        fc.constantFrom(1, 2),
        fc.constantFrom(1, 3),
        (shapes, minSize, concurrency) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const rules = [GroupRules.smallGroup(minSize)]
              const { heldBack, passed } = yield* gated(shapes, rules, concurrency)
              const judged = yield* verdicts(shapes)
              const left = judged.map((group) => group.filter(isAccepted))
              assert.deepStrictEqual(
                passed.map(({ trajectories }) => trajectories),
                left.filter((group) => group.length >= minSize)
              )
              const small = left.flatMap((group) => (group.length < minSize ? group : []))
              const rejected = judged.flatMap((group) => group.filter((one) => !isAccepted(one)))
              assert.deepStrictEqual(
                idsOf(heldBack.map(({ trajectory }) => trajectory)).toSorted(),
                idsOf([...small, ...rejected]).toSorted()
              )
              for (const { message, reason, trajectory } of heldBack) {
                const { verdict } = trajectory
                assert.deepStrictEqual(
                  verdict?._tag === "Rejected" && [verdict.reason, verdict.message],
                  [reason, message]
                )
              }
            })
          )
      ),
      { numRuns: 50 }
    ))

  it.effect(
    "reports group by group, those of a small group with the scores they were accepted with",
    () =>
      Effect.gen(function* () {
        const { heldBack, passed } = yield* gated(
          [
            ["won", "Fault"],
            ["won", "lost", "UnearnedReward"]
          ],
          [GroupRules.smallGroup(2)]
        )
        assert.deepStrictEqual(
          heldBack.map(({ reason, trajectory }) => `${trajectory.id} ${reason}`).toSorted(),
          ["0.0 SmallGroup", "0.1 Fault", "1.2 UnearnedReward"]
        )
        const alone = heldBack.find(({ reason }) => reason === "SmallGroup")
        assert.deepStrictEqual(alone?.trajectory.verdict, {
          _tag: "Rejected",
          reason: "SmallGroup",
          message: "1 of its group are left; 2 are needed to compare",
          scores: { characters: 151, contradictions: 0, goalSeen: 1, earned: 1 }
        })
        assert.deepStrictEqual(
          passed.map(({ trajectories }) => idsOf(trajectories)),
          [["1.0", "1.1"]]
        )
      })
  )

  it.effect("asks no rule about a group of which nothing is left", () =>
    Effect.gen(function* () {
      const sizes: Array<number> = []
      const noting: GroupRules.GroupRule = {
        name: "noting",
        reason: "NoContrast",
        complaint: ({ trajectories }) => void sizes.push(trajectories.length)
      }
      yield* gated([["Fault"], [], ["won", "Fault"]], [noting])
      assert.deepStrictEqual(sizes, [1])
    })
  )

  it.effect("judges a group by what the filter left of it", () =>
    Effect.gen(function* () {
      const shapes: ReadonlyArray<ReadonlyArray<Kind>> = [
        ["won", "Fault", "won"],
        ["lost", "UnearnedReward", "lost"],
        ["won", "lost"]
      ]
      const { heldBack, passed } = yield* gated(shapes, [
        GroupRules.allFailed,
        GroupRules.noContrast()
      ])
      assert.deepStrictEqual(
        Object.entries(Object.groupBy(heldBack, ({ reason }) => reason)).map(([reason, list]) => [
          reason,
          idsOf((list ?? []).map(({ trajectory }) => trajectory))
        ]),
        [
          ["Fault", ["0.1"]],
          ["NoContrast", ["0.0", "0.2"]],
          ["UnearnedReward", ["1.1"]],
          ["AllFailed", ["1.0", "1.2"]]
        ]
      )
      assert.deepStrictEqual(
        passed.map(({ trajectories }) => idsOf(trajectories)),
        [["2.0", "2.1"]]
      )
    })
  )
})

describe("the rules over a group", () => {
  const returns = (...values: ReadonlyArray<number>): Trajectory.TrajectoryGroup => ({
    task,
    policyVersion: 0,
    trajectories: values.map((value, i) => dreamt(`${i}`, [["wait", "", value]]))
  })
  const complaint = (rule: GroupRules.GroupRule, group: Trajectory.TrajectoryGroup) =>
    rule.complaint(group)

  it("need as many members as they were told, and no more", () => {
    const rule = GroupRules.smallGroup(2)
    assert.deepStrictEqual(
      [complaint(rule, returns(1)), complaint(rule, returns(1, 0))],
      ["1 of its group are left; 2 are needed to compare", undefined]
    )
  })

  it("need returns that differ by more than the spread", () => {
    assert.strictEqual(
      complaint(GroupRules.noContrast(), returns(0.1, 0.1, 0.1)),
      "all 3 of its group got the return 0.1"
    )
    assert.isUndefined(complaint(GroupRules.noContrast(), returns(0.1, 0.1, 0.2)))
    assert.isDefined(complaint(GroupRules.noContrast(0.5), returns(0, 0.5)))
    assert.isUndefined(complaint(GroupRules.noContrast(0.5), returns(0, 0.75)))
  })

  it("need one success, where a reward is none", () => {
    const reasons: ReadonlyArray<Contract.Rejection> = [GroupRules.allFailed.reason]
    assert.deepStrictEqual(reasons, ["AllFailed"])
    const paid = returns(0, 0).trajectories.map((one) => ({
      ...one,
      ending: Ending.terminated(false)
    }))
    const group = { task, policyVersion: 0, trajectories: paid }
    assert.strictEqual(
      complaint(GroupRules.allFailed, group),
      "none of the 2 of its group succeeded"
    )
    assert.isUndefined(complaint(GroupRules.allFailed, { ...group, trajectories: [...paid, good] }))
  })
})
