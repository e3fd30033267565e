/** Translates a message with `{0}` places; VS Code's `l10n.t` in the program. */
export type Translate = (message: string, ...values: (string | number)[]) => string;
