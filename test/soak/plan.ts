// What the soak's two processes agree on without talking: which text a stream has, and what goes wrong with it.

/** What goes wrong with a stream. `cut` comes after output, so it must not be mended; the others must be. */
export const faultKinds = ["reset", "unavailable", "rate-limited", "stalled-head", "stalled-middle", "cut"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** The share of streams that something goes wrong with. */
export const faultShare = 0.05;
/** The share of streams that the user cancels in the middle. */
export const cancelShare = 0.02;

/** A number from 0 to below 1 that belongs to this stream and purpose (FNV-1a and a final mix). */
export const fractionOf = (id: number, purpose: string): number => {
  let hash = 0x811c9dc5;
  for (const character of `${purpose}:${id}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39) >>> 0;
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
};

/** What goes wrong when this stream is asked for the first time; a further request for it is answered. */
export const faultOf = (id: number): FaultKind | undefined =>
  fractionOf(id, "fault") < faultShare ? faultKinds[Math.floor(fractionOf(id, "kind") * faultKinds.length)] : undefined;

const words = ["const", "größer", "=>", "世界", "return", "👩‍👩‍👧", "value;", "{}", "\n  ", "naïve", "if (a < b)", "…"];

/** The whole text of this stream, the same every time: 60 to 160 characters, not all of them simple. */
export const textOf = (id: number): string => {
  const parts = [`#${id}`];
  for (let index = 0; parts.join(" ").length < 60 + fractionOf(id, "length") * 100; index++) {
    parts.push(words[Math.floor(fractionOf(id, `word ${index}`) * words.length)]!);
  }
  return parts.join(" ");
};

/** How a prompt names its stream, and how the server finds that again in a request's body. */
export const promptOf = (id: number): string => `soak-stream-${id}-`;
export const idIn = (body: string): number | undefined => {
  const found = /soak-stream-(\d+)-/.exec(body)?.[1];
  return found === undefined ? undefined : Number(found);
};
