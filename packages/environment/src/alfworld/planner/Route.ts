/**
 * The shortest way through a graph whose edges all cost the same.
 * What the nodes are, and who walks, is the business of those who ask.
 */

/**
 * The nodes after `from`, up to the nearest where `isEnd`: none where that is `from` itself, undefined where there is no
 * way. Of equally short ways it is the one whose earlier neighbours come first.
 */
export const shortest = <Node>(
  from: Node,
  neighboursOf: (node: Node) => ReadonlyArray<Node>,
  isEnd: (node: Node) => boolean
): ReadonlyArray<Node> | undefined => {
  const reached = new Map<Node, ReadonlyArray<Node>>([[from, []]])
  for (const [node, way] of reached) {
    if (isEnd(node)) return way
    for (const next of neighboursOf(node)) {
      if (!reached.has(next)) reached.set(next, [...way, next])
    }
  }
  return undefined
}
