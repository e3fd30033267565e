import { isPrivateHost } from "../transport/route.ts";
import { ProviderError } from "./provider.ts";

/** A checked server address. */
export type BaseUrl = {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Without a slash at the end. */
  readonly href: string;
  /** Whether it is this machine or one in a private network, as far as the name tells. */
  readonly isPrivate: boolean;
  /** Whether a key may be sent there: over TLS anywhere, else only to this machine or a private network. */
  readonly acceptsKey: boolean;
};

/**
 * Checks a server address from the settings.
 * @throws {ProviderError} kind "bad-request" with a message for a person.
 */
export const parseBaseUrl = (text: string): BaseUrl => {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new ProviderError("bad-request", "The server address must start with http:// or https://");
  }
  if (url.username || url.password) {
    throw new ProviderError("bad-request", "The server address must not contain a user name or a password");
  }
  if (url.search || url.hash) {
    throw new ProviderError("bad-request", "The server address must not contain a ? or a #");
  }
  const isPrivate = isPrivateHost(url.hostname);
  return {
    origin: url.origin,
    href: url.origin + url.pathname.replace(/\/+$/, ""),
    isPrivate,
    acceptsKey: url.protocol === "https:" || isPrivate,
  };
};
