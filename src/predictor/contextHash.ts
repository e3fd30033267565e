/** Context lengths, in tokens, that have a chain of their own, longest first. */
export const contextOrders = [6, 3, 2, 1] as const;
/** The chain of equal (token before, first character). */
export const startChain = contextOrders.length;
/** The chain of equal first two characters. */
export const wordChain = contextOrders.length + 1;

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
  const most = end - start;
  if (most < 1) return contextOrders.length;
  // Written out for the orders above: this runs for every token that is learned.
  let hash = mix(0, hashes[tokens[end - 1]! >> 2]!);
  out[3] = hash;
  if (most < 2) return 3;
  hash = mix(hash, hashes[tokens[end - 2]! >> 2]!);
  out[2] = hash;
  if (most < 3) return 2;
  hash = mix(hash, hashes[tokens[end - 3]! >> 2]!);
  out[1] = hash;
  if (most < 6) return 1;
  hash = mix(hash, hashes[tokens[end - 4]! >> 2]!);
  hash = mix(hash, hashes[tokens[end - 5]! >> 2]!);
  out[0] = mix(hash, hashes[tokens[end - 6]! >> 2]!);
  return 0;
};
