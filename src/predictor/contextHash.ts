/** Context lengths, in tokens, that have a chain of their own, longest first. */
export const contextOrders = [6, 3, 2, 1] as const;
/** The chain of equal (token before, first character). */
export const startChain = contextOrders.length;
/** The chain of equal first two characters. */
export const wordChain = contextOrders.length + 1;
const longestOrder = contextOrders[0];

/** Takes one more number into a hash. */
export const mix = (hash: number, value: number): number => Math.imul(hash ^ value, 0x9e3779b1) ^ (hash >>> 15);

/** The hash of {@link wordChain} for a word's first two characters. */
export const wordHash = (firstUnit: number, secondUnit: number): number => mix(mix(99, firstUnit), secondUnit);

/** The hash of {@link startChain}. `hashes` as of the vocabulary. */
export const startHash = (hashes: Int32Array, previousId: number, firstUnit: number): number =>
  mix(mix(77, hashes[previousId]!), firstUnit);

/**
 * Writes the hash of what stands before `end` into `out`, for each of {@link contextOrders}, down to `start`. Returns
 * the first chain that has one: there are fewer when there is less text.
 */
export const hashContext = (
  hashes: Int32Array,
  tokens: Int32Array,
  start: number,
  end: number,
  out: Int32Array,
): number => {
  let hash = 0;
  let chain: number = contextOrders.length;
  for (let n = 1; n <= longestOrder && end - n >= start; n++) {
    hash = mix(hash, hashes[tokens[end - n]! >> 2]!);
    if (n === contextOrders[chain - 1]) out[--chain] = hash;
  }
  return chain;
};
