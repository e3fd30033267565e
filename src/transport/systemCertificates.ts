import { createSecureContext, type SecureContext } from "node:tls";
import { Worker } from "node:worker_threads";
import type { Log } from "../base/log.ts";

/**
 * Trusts what Node trusts and what the system's store holds beyond that. Undefined: the store holds nothing more, or it
 * cannot be read.
 */
export type SystemTrust = () => Promise<SecureContext | undefined>;

// Reading the store took 20 to 40 ms where it was measured, and may take seconds on macOS, so a worker does it. It tells
// only what Node does not trust by itself: a certificate costs the main thread some 35 µs to take in.
const readerSource = `
const { parentPort } = require("node:worker_threads");
const { getCACertificates } = require("node:tls");
const known = new Set(getCACertificates("default"));
const more = new Set(getCACertificates("system").filter((certificate) => !known.has(certificate)));
parentPort.postMessage([...more]);
`;

/** Certificates of the system's store that Node does not trust by itself, in PEM. */
const readInWorker = async (): Promise<readonly string[]> => {
  const worker = new Worker(readerSource, { eval: true, name: "hotpath system certificates" });
  // Must not keep the process alive.
  worker.unref();
  try {
    return await new Promise<readonly string[]>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("The worker ended without an answer")));
    });
  } finally {
    void worker.terminate();
  }
};

/** Loads nothing yet: the first call does, and its result is kept. `read` gives PEM texts; tests replace it. */
export const createSystemTrust = ({
  log,
  read = readInWorker,
}: {
  log: Log;
  read?: typeof readInWorker;
}): SystemTrust => {
  const load = async (): Promise<SecureContext | undefined> => {
    try {
      const certificates = await read();
      log.debug(`The system's store holds ${certificates.length} certificates that Node does not trust by itself`);
      if (certificates.length === 0) return undefined;
      const secureContext = createSecureContext();
      // `createSecureContext({ ca })` would parse Node's own 150 roots anew, which takes 5 to 10 ms. This adds to them;
      // it is what VS Code's own network code calls.
      const context: { addCACert(certificate: string): void } = secureContext.context;
      for (const certificate of certificates) context.addCACert(certificate);
      return secureContext;
    } catch (error) {
      log.warn(`The system's certificates could not be read: ${error instanceof Error ? error.message : "unknown"}`);
      return undefined;
    }
  };
  let loading: ReturnType<typeof load> | undefined;
  return () => (loading ??= load());
};
