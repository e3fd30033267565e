/** One keystroke; an Enter carries the next line's indentation. */
export type PlannedKey = {
  readonly text: string;
  /** Where it goes into the file, and where the cursor is behind it. */
  readonly at: number;
  readonly after: number;
  /** The pause before it. */
  readonly gapMs: number;
};

/** The same sequence of numbers from 0 to 1 for the same seed. */
export const randomOf = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
};

/** The rhythm in which the typing yardstick types `text` from `start` to `end`: number for number the same. */
export const planKeys = (text: string, start: number, end: number, seed: number): readonly PlannedKey[] => {
  const random = randomOf(seed);
  const normal = () => Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());
  const keys: PlannedKey[] = [];
  for (let at = start; at < end; at = keys.at(-1)!.after) {
    const key = text[at]!;
    let units = 1;
    if (key === "\n") while (at + units < end && /[ \t]/.test(text[at + units]!)) units++;
    const before = text[at - 1] ?? "\n";
    const isBehindEnter = before === "\n" || keys.at(-1)?.text.startsWith("\n") === true;
    let gapMs = Math.min(400, Math.max(70, 148 * Math.exp(0.32 * normal())));
    if (/[A-Za-z_]/.test(key) && !/[A-Za-z_0-9]/.test(before)) gapMs *= 1.25;
    if (key === "\n" && before !== "\n") gapMs = 180 + 170 * random();
    if (isBehindEnter) gapMs = key === "\n" ? 120 + 80 * random() : 400 + 500 * random();
    if (/[({=]/.test(before) && random() < 0.25) gapMs = 320 + 400 * random();
    keys.push({ text: text.slice(at, at + units), at, after: at + units, gapMs });
  }
  return keys;
};
