import { ToolError } from "./toolError.ts";

type Texts = {
  readonly type: "string";
  readonly description: string;
  readonly minLength?: number;
  readonly maxLength: number;
};
type Whole = {
  readonly type: "integer";
  readonly description: string;
  readonly minimum: number;
  readonly maximum: number;
};
type Flag = { readonly type: "boolean"; readonly description: string };
type Field = Texts | Whole | Flag;

/** What a tool takes. Each field is also a JSON Schema of that value, as it stands in the manifest. */
export type ToolFields = {
  readonly required: Readonly<Record<string, Field>>;
  readonly optional: Readonly<Record<string, Field>>;
};

type ValueOf<F> = F extends Texts ? string : F extends Whole ? number : boolean;

/** An input that was checked. */
export type ToolInput<T extends ToolFields> = {
  readonly [Name in keyof T["required"]]: ValueOf<T["required"][Name]>;
} & { readonly [Name in keyof T["optional"]]?: ValueOf<T["optional"][Name]> };

/** The JSON Schema of a tool's input, for the manifest and for models. */
export const schemaOf = ({ required, optional }: ToolFields): Readonly<Record<string, unknown>> => ({
  type: "object",
  properties: { ...required, ...optional },
  ...(Object.keys(required).length === 0 ? {} : { required: Object.keys(required) }),
});

const wrong = (name: string, wish: string): ToolError => new ToolError("input", `"${name}" must be ${wish}.`);

const readText = (name: string, value: unknown, { minLength = 0, maxLength }: Texts): string => {
  if (typeof value !== "string") throw wrong(name, "a string");
  if (value.length < minLength) throw wrong(name, "a string that is not empty");
  if (value.length > maxLength) throw wrong(name, `at most ${maxLength} characters long; this one has ${value.length}`);
  return value;
};

/** Small models put numbers and truth values into quotes. */
const readWhole = (name: string, value: unknown, { minimum, maximum }: Whole): number => {
  const number = typeof value === "string" && /^-?\d{1,15}$/.test(value.trim()) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || number < minimum || number > maximum) {
    throw wrong(name, `a whole number from ${minimum} to ${maximum}`);
  }
  return number;
};

const readFlag = (name: string, value: unknown): boolean => {
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw wrong(name, "true or false");
};

const readField = (name: string, value: unknown, field: Field): string | number | boolean => {
  if (field.type === "string") return readText(name, value, field);
  return field.type === "integer" ? readWhole(name, value, field) : readFlag(name, value);
};

/**
 * Checks what a model gave. Fields that the tool does not know are left out, `null` counts as not given.
 * @throws {ToolError} `input`, naming the field and what it has to be.
 */
export const readInput = <T extends ToolFields>(fields: T, raw: unknown): ToolInput<T> => {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new ToolError("input", "The input must be a JSON object.");
  }
  const given = new Map<string, unknown>(
    Object.entries(raw).filter(([, value]) => value !== null && value !== undefined),
  );
  const read: Record<string, string | number | boolean> = {};
  for (const [name, field] of Object.entries(fields.required)) {
    if (!given.has(name)) throw new ToolError("input", `"${name}" is missing: ${field.description}`);
    read[name] = readField(name, given.get(name), field);
  }
  for (const [name, field] of Object.entries(fields.optional)) {
    if (given.has(name)) read[name] = readField(name, given.get(name), field);
  }
  // Every field of the type was read above, by its own description.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return read as ToolInput<T>;
};
