/** A Markdown fence longer than any in the text, so that the text cannot end it. */
export const fenceFor = (text: string): string => {
  const longest = Math.max(0, ...[...text.matchAll(/`{3,}/g)].map(([ticks]) => ticks.length));
  return "`".repeat(Math.max(3, longest + 1));
};
