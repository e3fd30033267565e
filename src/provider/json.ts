/** A JSON object as it came over the wire: nothing about its fields is known. */
export type JsonObject = { readonly [key: string]: unknown };

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value if it is an object, else an empty one, so that reading on finds nothing. */
export const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** The value if it is a list, else an empty one. */
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The value if it is text, else "". */
export const asText = (value: unknown): string => (typeof value === "string" ? value : "");

/** The value if it can be a count of something, else undefined. */
export const asCount = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;

/** The value if it can be a count, at most `whole`: a part can never be more than there was. */
export const clampTo = (value: unknown, whole: number | undefined): number | undefined => {
  const count = asCount(value);
  return count === undefined || whole === undefined ? count : Math.min(count, whole);
};

/** The value if it is true or false, else undefined. */
export const asFlag = (value: unknown): boolean | undefined => (typeof value === "boolean" ? value : undefined);

/** The value that a JSON text stands for; undefined if it is none. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

/** The fields that have a value, since an optional field is to be left out rather than undefined. */
export const defined = <T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): {
  -readonly [K in keyof T]?: T[K];
} => {
  const result: { -readonly [K in keyof T]?: T[K] } = {};
  for (const name in fields) if (fields[name] !== undefined) result[name] = fields[name];
  return result;
};
