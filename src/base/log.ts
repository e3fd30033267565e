/** Where the program writes what a person may read later. Never pass keys, prompts or file contents. */
export type Log = {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
};

/** A log that keeps nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

const secretPatterns: readonly [RegExp, string][] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]+/gi, "$1 [redacted]"],
  [/\bsk-[\w-]{6,}/g, "[redacted]"],
  [/\b(authorization|api[-_]?key|x-api-key|token|password)(["']?\s*[:=]\s*["']?)[^\s"',}]+/gi, "$1$2[redacted]"],
  [/(\/\/)[^/\s:@]+:[^/\s@]+@/g, "$1[redacted]@"],
  [/(https?:\/\/[^\s?#"']+)\?[^\s"']*/g, "$1?[redacted]"],
];

/** Removes what looks like a key, a password or a query string from text that is about to be kept or shown. */
export const redact = (text: string): string =>
  secretPatterns.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text);

/** Wraps a log so that every line passes through {@link redact}. */
export const redactingLog = (log: Log): Log => ({
  debug: (message) => log.debug(redact(message)),
  info: (message) => log.info(redact(message)),
  warn: (message) => log.warn(redact(message)),
  error: (message) => log.error(redact(message)),
});
