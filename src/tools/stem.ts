const vowel = /[aeiouy]/;

/**
 * A word's stem: plural, -ing, -ed, -ion, -or, -ly and a final e or y are taken off ("creating", "created" and "creation" become
 * "creat"). Takes lower case. Lighter than Porter's: tool names are short, and what is conflated too far cannot be told apart again.
 */
export const stemOf = (word: string): string => {
  if (word.length < 4)
    return word.length === 3 && word.endsWith("s") && !/[su]s$/.test(word) ? word.slice(0, -1) : word;
  let stem = word;
  if (stem.endsWith("ies")) stem = stem.length > 4 ? `${stem.slice(0, -3)}y` : stem.slice(0, -1);
  else if (/(?:ss|x|ch|sh|z)es$/.test(stem)) stem = stem.slice(0, -2);
  else if (stem.endsWith("s") && !/(?:ss|us|is)$/.test(stem)) stem = stem.slice(0, -1);
  if (stem.endsWith("ing") && stem.length > 5 && vowel.test(stem.slice(0, -3))) stem = undouble(stem.slice(0, -3));
  else if (stem.endsWith("ied") && stem.length > 4) stem = `${stem.slice(0, -3)}y`;
  else if (stem.endsWith("ed") && stem.length > 4 && vowel.test(stem.slice(0, -2)) && !stem.endsWith("eed"))
    stem = undouble(stem.slice(0, -2));
  else if (stem.endsWith("ly") && stem.length > 5) stem = stem.slice(0, -2);
  if (stem.length > 5 && /[st]ion$/.test(stem)) stem = stem.slice(0, -3);
  else if (stem.length > 6 && stem.endsWith("ator")) stem = stem.slice(0, -2);
  else if (stem.length > 6 && stem.endsWith("ment")) stem = stem.slice(0, -4);
  if (stem.length > 3 && stem.endsWith("e")) stem = stem.slice(0, -1);
  if (stem.length > 3 && stem.endsWith("y")) stem = `${stem.slice(0, -1)}i`;
  return stem;
};

const undouble = (stem: string): string => (/([bdfgmnprt])\1$/.test(stem) ? stem.slice(0, -1) : stem);
