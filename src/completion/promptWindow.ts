// Windows begin at a multiple of this many lines: they stay put while lines are typed, and so does the server's
// prompt cache.
const lineStep = 64;
const prefixLines = 192;
const prefixCharacters = 9000;
const suffixCharacters = 1200;

/** The part of the document that a model gets to read. */
export const promptWindow = (prefix: string, suffix: string): { prefix: string; suffix: string } => {
  const lines = prefix.split("\n");
  let first = Math.max(0, Math.floor((lines.length - prefixLines) / lineStep) * lineStep);
  let windowed = lines.slice(first).join("\n");
  while (windowed.length > prefixCharacters && first + lineStep < lines.length) {
    first += lineStep;
    windowed = lines.slice(first).join("\n");
  }
  if (windowed.length > prefixCharacters * 2) windowed = windowed.slice(-prefixCharacters);
  const cut = suffix.lastIndexOf("\n", suffixCharacters);
  return {
    prefix: windowed,
    suffix: suffix.length <= suffixCharacters ? suffix : suffix.slice(0, cut > 0 ? cut : suffixCharacters),
  };
};
