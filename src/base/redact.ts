import type { Log } from "./log.ts";

/** Takes secrets out of text that is about to be kept or shown. */
export type Redactor = {
  /** Text without keys, passwords and query strings. */
  redact(text: string): string;
  /** From now on this very text is taken out wherever it stands. Shorter than eight characters it is left alone. */
  learn(secret: string): void;
  /** A log whose every message passes through {@link redact} and stays one line: what servers tell may hold line breaks. */
  wrap(log: Log): Log;
};

const mark = "[redacted]";
// A shorter word would stand in half of all lines by chance.
const minSecretLength = 8;
const maxSecrets = 200;

const patterns: readonly [RegExp, string][] = [
  [/\b(authorization|proxy-authorization)(["']?\s*[:=]\s*["']?)[^\r\n"',}]+/gi, `$1$2${mark}`],
  [/\b(bearer|basic)\s+[\w.~+/=-]+/gi, `$1 ${mark}`],
  [/\bsk-[\w-]{6,}/g, mark],
  [
    /\b((?:x-)?api[-_]?key|access[-_]?token|token|password|passwd|secret|code_verifier)(["']?\s*[:=]\s*["']?)[^\s"',}&]+/gi,
    `$1$2${mark}`,
  ],
  // User names and passwords in addresses, then whatever they ask for.
  [/(\/\/)[^/\s@"']+@/g, `$1${mark}@`],
  [/\b((?:https?|wss?|socks[45]?[ah]?):\/\/[^\s?#"']+)\?[^\s"']*/gi, `$1?${mark}`],
];

const inOneLine = (message: string): string => message.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");

/** Makes a redactor that knows patterns of secrets, and learns those of this session. */
export const createRedactor = (): Redactor => {
  const secrets = new Set<string>();
  const redact = (text: string): string => {
    let clean = text;
    // The longest first: one secret may be the beginning of another.
    for (const secret of secrets) clean = clean.replaceAll(secret, mark);
    return patterns.reduce((cleaner, [pattern, replacement]) => cleaner.replace(pattern, replacement), clean);
  };
  return {
    redact,
    learn(secret) {
      const text = secret.trim();
      if (text.length < minSecretLength || secrets.has(text) || secrets.size >= maxSecrets) return;
      const longestFirst = [...secrets, text].toSorted((a, b) => b.length - a.length);
      secrets.clear();
      for (const known of longestFirst) secrets.add(known);
    },
    wrap: (log) => ({
      debug: (message) => log.debug(inOneLine(redact(message))),
      info: (message) => log.info(inOneLine(redact(message))),
      warn: (message) => log.warn(inOneLine(redact(message))),
      error: (message) => log.error(inOneLine(redact(message))),
    }),
  };
};
