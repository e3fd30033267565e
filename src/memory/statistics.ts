/** A point of a series: a time in hours and a size in bytes, or the like. */
export type Point = { readonly x: number; readonly y: number };

/** The middle value, or the mean of the two in the middle; 0 of nothing. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

/** Theil–Sen: the median of the slopes between all pairs of points. Takes n² / 2 steps, so pass few points. */
export const medianSlope = (points: readonly Point[]): number => {
  const slopes: number[] = [];
  for (const [index, from] of points.entries()) {
    for (let other = index + 1; other < points.length; other++) {
      const to = points[other]!;
      if (to.x > from.x) slopes.push((to.y - from.y) / (to.x - from.x));
    }
  }
  return median(slopes);
};

/**
 * The straight line with the least squares. `squares` is what it leaves, `memory` how alike neighbours in that are
 * (the autocorrelation at lag one).
 */
export const fitLine = (
  points: readonly Point[],
): { readonly slope: number; readonly squares: number; readonly memory: number } => {
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  let xx = 0;
  let xy = 0;
  for (const { x, y } of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
  }
  const slope = xx > 0 ? xy / xx : 0;
  let squares = 0;
  let products = 0;
  let before = 0;
  for (const { x, y } of points) {
    const rest = y - meanY - slope * (x - meanX);
    squares += rest ** 2;
    products += rest * before;
    before = rest;
  }
  return { slope, squares, memory: squares > 0 ? products / squares : 0 };
};

/** The best two levels, one before the point at `at` and one from it on; `squares` is what they leave, and one level. */
export const fitStep = (
  points: readonly Point[],
): { readonly at: number; readonly squares: number; readonly levelSquares: number } => {
  const origin = points[0]?.y ?? 0;
  let restSum = 0;
  let squaresSum = 0;
  for (const { y } of points) {
    restSum += y - origin;
    squaresSum += (y - origin) ** 2;
  }
  let headSum = 0;
  let best = { at: 0, squares: squaresSum - restSum ** 2 / points.length };
  const levelSquares = Math.max(0, best.squares);
  for (let at = 1; at < points.length; at++) {
    const y = points[at - 1]!.y - origin;
    headSum += y;
    restSum -= y;
    const squares = squaresSum - headSum ** 2 / at - restSum ** 2 / (points.length - at);
    if (squares < best.squares) best = { at, squares };
  }
  return { at: best.at, squares: Math.max(0, best.squares), levelSquares };
};
