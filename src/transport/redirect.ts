const redirectsMax = 3;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** A redirect, and what had been asked for. */
export type Redirect = {
  readonly method: string;
  readonly origin: string;
  /** Of what was asked last. */
  readonly path: string;
  readonly status: number;
  readonly location: string | undefined;
  /** How many were followed before. */
  readonly followed: number;
};

/**
 * The path that a redirect leads to, if it may be followed: nothing goes to another origin, nothing is sent twice, and
 * three in a row are enough.
 */
export const redirectTarget = (redirect: Redirect): string | undefined => {
  const { method, origin, path, status, location = "", followed } = redirect;
  if (method !== "GET" || followed >= redirectsMax || !redirectStatuses.has(status)) return undefined;
  const target = URL.parse(location, origin + path);
  if (!location || target?.origin !== origin || target.username || target.password) return undefined;
  return target.pathname + target.search;
};
