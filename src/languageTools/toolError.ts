/** Why a tool did nothing. */
export type ToolErrorKind =
  | "input"
  | "outside"
  | "secret"
  | "protected"
  | "not-found"
  | "exists"
  | "too-large"
  | "binary"
  | "no-match"
  | "ambiguous"
  | "changed"
  | "refused"
  | "untrusted"
  | "unavailable"
  | "too-slow";

/** A tool did nothing. The message is written for the model that called it: what was wrong, and what would work. */
export class ToolError extends Error {
  readonly kind: ToolErrorKind;

  constructor(kind: ToolErrorKind, message: string) {
    super(message);
    this.name = "ToolError";
    this.kind = kind;
    // VS Code logs it: a wrong input of a model is no fault whose place in the code anybody looks for.
    this.stack = message;
  }
}
