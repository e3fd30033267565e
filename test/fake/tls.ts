import { readFileSync } from "node:fs";

/** A certificate and its key, in PEM. */
export type TlsPair = { readonly cert: string; readonly key: string };

const read = (name: string): string => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");

/** The authority that signed the test certificates. */
export const testAuthority = (): string => read("authority.crt");

/** One of the test certificates: see `fixtures/tls/README.md`. */
export const testCertificate = (name: "localhost" | "wrong-host" | "expired" | "self-signed"): TlsPair => ({
  cert: read(`${name}.crt`),
  key: read("server.key"),
});
