const maxDepth = 3;
const maxProperties = 24;
const maxEnumUnits = 120;
const maxNoteUnits = 90;
const maxUnits = 1_200;

type Schema = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const noteOf = ({ description }: Schema): string => {
  if (typeof description !== "string") return "";
  const line = description.replaceAll(/\s+/g, " ").trim();
  return line.length <= maxNoteUnits ? line : `${line.slice(0, maxNoteUnits - 1)}…`;
};

const typeOf = (schema: unknown, depth: number): string => {
  if (!isObject(schema)) return "any";
  const { type, items } = schema;
  const choices = schema["enum"];
  if (Array.isArray(choices)) {
    const list = choices.map((choice) => JSON.stringify(choice)).join("|");
    if (list.length <= maxEnumUnits) return list;
  }
  if (isObject(schema["properties"])) return depth > maxDepth ? "object" : fieldsOf(schema, depth);
  if (type === "array") return `${typeOf(items, depth + 1)}[]`;
  if (typeof type === "string") return type;
  return Array.isArray(type) ? type.join("|") : "any";
};

const fieldsOf = (schema: Schema, depth: number): string => {
  const properties = schema["properties"];
  if (!isObject(properties)) return "{}";
  const required: unknown = schema["required"];
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name);
  const names = Object.keys(properties).toSorted((a, b) => Number(isRequired(b)) - Number(isRequired(a)));
  const fields = names.slice(0, maxProperties).map((name) => {
    const property = properties[name];
    const note = isObject(property) ? noteOf(property) : "";
    return `${name}${isRequired(name) ? "" : "?"}: ${typeOf(property, depth + 1)}${note && ` (${note})`}`;
  });
  return `{${fields.join("; ")}${names.length > maxProperties ? "; …" : ""}}`;
};

/**
 * The arguments of a tool as a model reads them, `{path: string (Path of the file); count?: number}`: a third to a half of what the
 * JSON Schema takes. What is required comes first; what is too much is cut. Never throws.
 */
export const describeArguments = (schema: unknown): string => {
  const text = isObject(schema) ? fieldsOf(schema, 0) : "{}";
  return text.length <= maxUnits ? text : `${text.slice(0, maxUnits - 1)}…`;
};
