/** Studies: the same question asked of many seeds, with intervals, tables and figures. */
export * as Figure from "./Figure.ts"
export * as Interval from "./Interval.ts"
