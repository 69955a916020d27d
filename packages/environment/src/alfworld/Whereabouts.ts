/**
 * Where things lie at first in ALFWorld's rooms: what one learns by playing the training games, not by peeking.
 * It says nothing about any particular room.
 *
 * Counted over the first facts of the 200 training games at hand; none of the validation games went in.
 */

/** Per kind of object, how often (in per cent of its kind, the eight most likely) it lies in each kind of receptacle. */
const counted: Readonly<Record<string, string>> = {
  alarmclock: "desk 30, sidetable 24, shelf 20, dresser 18, diningtable 7",
  apple: "fridge 25, countertop 24, garbagecan 14, microwave 14, diningtable 14, sinkbasin 7",
  book: "bed 39, desk 13, cabinet 9, drawer 8, countertop 7, dresser 7, diningtable 6, sidetable 4",
  bowl: "cabinet 31, fridge 17, countertop 16, diningtable 12, desk 10, shelf 4, sinkbasin 3",
  box: "diningtable 30, coffeetable 21, sofa 21, dresser 12, sidetable 7, shelf 5, tvstand 2",
  bread: "countertop 50, diningtable 29, fridge 20",
  butterknife: "countertop 54, diningtable 33, drawer 9, sinkbasin 4",
  candle: "toilet 29, countertop 20, cabinet 13, shelf 10, sidetable 8, diningtable 5, drawer 5",
  cd: "drawer 28, desk 17, sidetable 16, dresser 13, shelf 10, garbagecan 7, diningtable 4",
  cellphone:
    "bed 25, drawer 21, desk 14, dresser 10, countertop 6, sidetable 6, shelf 6, armchair 6",
  cloth: "cabinet 29, bathtubbasin 29, countertop 14, drawer 14, sinkbasin 5, shelf 5, toilet 3",
  creditcard:
    "drawer 23, sidetable 15, shelf 12, coffeetable 10, dresser 9, desk 7, armchair 6, sofa 5",
  cup: "fridge 23, cabinet 23, countertop 20, diningtable 12, microwave 9, sinkbasin 8, shelf 5",
  desklamp: "sidetable 43, desk 32, dresser 20, coffeetable 2, shelf 2",
  dishsponge:
    "countertop 28, cabinet 27, diningtable 16, drawer 13, sinkbasin 5, garbagecan 4, shelf 3",
  egg: "fridge 26, countertop 19, sinkbasin 16, garbagecan 16, microwave 14, diningtable 8",
  fork: "countertop 47, diningtable 25, drawer 18, sinkbasin 8",
  glassbottle:
    "countertop 29, cabinet 25, diningtable 22, sinkbasin 10, fridge 8, shelf 4, garbagecan 2",
  handtowel: "handtowelholder 88, countertop 12",
  houseplant:
    "countertop 33, sidetable 15, desk 11, coffeetable 11, shelf 10, diningtable 10, cabinet 7",
  kettle: "countertop 36, stoveburner 33, cabinet 24, diningtable 5, sinkbasin 2",
  keychain:
    "drawer 20, sidetable 12, dresser 11, armchair 11, desk 10, diningtable 9, shelf 8, safe 5",
  knife: "countertop 58, diningtable 26, drawer 13, sinkbasin 2",
  ladle: "countertop 46, drawer 23, cabinet 15, diningtable 14, sinkbasin 2",
  laptop:
    "bed 48, diningtable 13, desk 10, sofa 8, sidetable 5, tvstand 4, armchair 4, coffeetable 3",
  lettuce: "countertop 38, diningtable 34, fridge 24, sinkbasin 3",
  mug: "countertop 23, cabinet 14, fridge 12, coffeemachine 12, diningtable 11, sinkbasin 7",
  newspaper:
    "sofa 29, coffeetable 19, diningtable 16, shelf 13, armchair 10, drawer 6, sidetable 3",
  pan: "stoveburner 55, countertop 31, cabinet 7, diningtable 5, fridge 3",
  papertowelroll: "countertop 46, garbagecan 20, diningtable 17, shelf 14, sidetable 3",
  pen: "desk 26, dresser 19, sidetable 14, drawer 13, diningtable 11, shelf 8, countertop 5",
  pencil: "drawer 25, sidetable 18, desk 16, shelf 11, dresser 8, diningtable 8, countertop 7",
  peppershaker: "cabinet 36, countertop 27, drawer 16, diningtable 14, shelf 5, sidetable 3",
  pillow: "bed 66, sofa 28, armchair 5",
  plate: "cabinet 37, countertop 26, diningtable 20, fridge 8, microwave 3, shelf 3",
  pot: "stoveburner 78, countertop 11, fridge 6, diningtable 5",
  potato: "countertop 30, fridge 22, diningtable 16, microwave 12, sinkbasin 11, garbagecan 6",
  remotecontrol:
    "sofa 19, coffeetable 18, armchair 13, drawer 11, tvstand 10, sidetable 8, dresser 6, desk 5",
  saltshaker: "cabinet 32, countertop 23, diningtable 23, drawer 16, shelf 5, sidetable 2",
  sink: "countertop 75, sinkbasin 25",
  soapbar:
    "countertop 30, toilet 17, sinkbasin 16, cabinet 9, drawer 7, garbagecan 6, bathtubbasin 6",
  soapbottle:
    "countertop 31, cabinet 26, diningtable 14, garbagecan 11, toilet 9, shelf 5, sidetable 3",
  spatula: "countertop 45, diningtable 28, drawer 22, sinkbasin 5",
  spoon: "countertop 34, drawer 27, diningtable 23, sinkbasin 15, sidetable 2",
  spraybottle:
    "countertop 32, toilet 20, cabinet 17, garbagecan 10, diningtable 7, sidetable 4, cart 4",
  statue:
    "shelf 27, countertop 20, coffeetable 17, diningtable 15, sidetable 12, dresser 5, tvstand 5",
  teddybear: "bed 100",
  television: "tvstand 50, dresser 30, coffeetable 20",
  tissuebox:
    "sidetable 22, diningtable 18, coffeetable 14, shelf 12, countertop 10, dresser 6, desk 6",
  toiletpaper:
    "toilet 26, cabinet 19, countertop 15, toiletpaperhanger 12, shelf 10, garbagecan 7, drawer 6",
  tomato: "countertop 33, fridge 31, diningtable 20, garbagecan 9, sinkbasin 7",
  towel: "towelholder 98, countertop 2",
  vase: "shelf 40, countertop 20, cabinet 14, diningtable 7, tvstand 6, sidetable 5, dresser 5",
  watch: "coffeetable 22, dresser 17, tvstand 17, diningtable 17, sidetable 13, shelf 9, drawer 4",
  window: "countertop 67, shelf 22, dresser 11",
  winebottle: "diningtable 29, cabinet 27, countertop 26, garbagecan 12, shelf 5"
}

/** Nothing is impossible, and kinds never seen before are somewhere too. */
const surprise = 0.5

const shares = new Map(
  Object.entries(counted).map(([kind, list]) => [
    kind,
    new Map(
      list.split(", ").map((entry) => {
        const [receptacle = "", percent = "0"] = entry.split(" ")
        return [receptacle, Number(percent)]
      })
    )
  ])
)

/** Per cent of the objects of a kind that lie in receptacles of a kind. */
export const likelihood = (object: string, receptacle: string): number =>
  shares.get(object)?.get(receptacle) ?? surprise
