/** A seeded generator of numbers below `limit`: the same seed gives the same numbers on every machine. */
export const createRandom = (seed: number): ((limit: number) => number) => {
  let state = seed | 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
};

const statements = [
  (word: string) => `const ${word} = await load(${word}Id);`,
  (word: string) => `if (${word} === undefined) return ${word}s;`,
  (word: string) => `\tlog.info("${word}", { ${word}: 1 });`,
  (word: string) => `    return ${word}.map((item) => item.id);`,
  (word: string) => `def ${word}_name(self, value):`,
  (word: string) => `// ${word} 😀 naïve ${word}`,
  () => "",
  () => "}",
];

/** Source-like text of `lines` lines that uses `words` in repeated statements. */
export const randomSource = (random: (limit: number) => number, words: readonly string[], lines: number): string =>
  Array.from({ length: lines }, () => statements[random(statements.length)]!(words[random(words.length)]!)).join(
    random(4) === 0 ? "\r\n" : "\n",
  );

const fragments = [
  "a",
  "foo",
  "Bar",
  "_",
  " ",
  "\t",
  "\n",
  "\r\n",
  "(",
  ")",
  '"',
  "=>",
  "==",
  "😀",
  "\ud83d",
  "\ude00",
  "é",
  "\0",
  "x".repeat(60),
  "-".repeat(40),
  "\u2028",
];

/** Text that nobody would write: broken surrogates, NUL, odd blanks, long runs. */
export const randomNoise = (random: (limit: number) => number, parts: number): string =>
  Array.from({ length: parts }, () => fragments[random(fragments.length)]!).join("");
