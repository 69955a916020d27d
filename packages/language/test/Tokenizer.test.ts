import { assert, describe, it } from "@effect/vitest"
import { PreTrainedTokenizer } from "@huggingface/transformers"
import * as fc from "fast-check"
import { Tokenizer } from "../src/index.ts"

const lexicon = [
  "You arrive at",
  ". The",
  "is closed.",
  ", a",
  ", and a",
  "a",
  "mug",
  "mug 1",
  "mug 12",
  "shelf 1",
  "go to",
  "go"
]
const tokenizer = Tokenizer.make(lexicon)

describe("Tokenizer", () => {
  it("takes the longest entry and decodes to the same text", () => {
    const text = "You arrive at mug 12. The shelf 1 is closed."
    const ids = tokenizer.encode(text)
    assert.deepStrictEqual(
      ids.map((id) => tokenizer.vocabulary[id]),
      ["You arrive at", "mug 12", ". The", "shelf 1", "is closed."]
    )
    assert.strictEqual(tokenizer.decode(ids), text)
  })

  it("does not end an entry in the middle of a word or number", () => {
    assert.deepStrictEqual(tokenizer.encode("mug 123 gone a"), [
      tokenizer.idOf.get("mug") ?? -1,
      Tokenizer.unknownId,
      Tokenizer.unknownId,
      tokenizer.idOf.get("a") ?? -1
    ])
  })

  it("splits numbered entities into kind and number", () => {
    assert.deepStrictEqual(
      tokenizer.idsOf("mug").map((id) => tokenizer.vocabulary[id]),
      ["mug", "mug 1", "mug 12"]
    )
    const id = tokenizer.idOf.get("mug 12") ?? 0
    assert.strictEqual(tokenizer.numbers[id], 12)
    assert.strictEqual(tokenizer.kinds[id], tokenizer.kinds[tokenizer.idOf.get("mug") ?? 0])
  })

  it("lists the words that a lexicon does not cover, most frequent first", () => {
    assert.deepStrictEqual(Tokenizer.uncovered(["a"], ["a b b", "c? b"]), ["b", "?", "c"])
  })

  it("decodes what it encodes, whatever the entries of a text", () => {
    const words = fc.array(fc.constantFrom(...lexicon, ...Tokenizer.specialWords), { minLength: 1 })
    fc.assert(
      fc.property(words, (list) => {
        const text = tokenizer.decode(list.map((word) => tokenizer.idOf.get(word) ?? 1))
        assert.strictEqual(tokenizer.decode(tokenizer.encode(text)), text)
      })
    )
  })

  it("survives its own file, and refuses a broken or foreign one by name", () => {
    const read = Tokenizer.fromJson(Tokenizer.toJson(tokenizer), "tokenizer.json")
    assert.deepStrictEqual("vocabulary" in read && read.vocabulary, tokenizer.vocabulary)
    const torn = Tokenizer.fromJson(Tokenizer.toJson(tokenizer).slice(0, 99), "torn.json")
    assert.isTrue(
      "reason" in torn && torn.reason === "BadFile" && torn.message.includes("torn.json")
    )
    const foreign = Tokenizer.fromJson('{"model":{"type":"BPE","vocab":{"a":0}}}', "other.json")
    assert.isTrue("reason" in foreign && foreign.reason === "Foreign")
  })

  it("is read by transformers.js with the same ids", () => {
    const theirs = new PreTrainedTokenizer(JSON.parse(Tokenizer.toJson(tokenizer)), {
      unk_token: "<unk>"
    })
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...lexicon, "strange", "7"), { minLength: 1 }),
        (list) => {
          const text = list.join(" ")
          assert.deepStrictEqual(theirs.encode(text), [...tokenizer.encode(text)])
        }
      ),
      { numRuns: 50 }
    )
  })
})
