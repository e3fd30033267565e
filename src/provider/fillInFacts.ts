/** The ways to ask for the text between a prefix and a suffix, the best first. */
export const fillInForms = ["raw-template", "suffix-parameter", "infill", "chat"] as const;

/**
 * - `raw-template`: a raw prompt in the form of the model's family.
 * - `suffix-parameter`: prompt and suffix in fields of their own.
 * - `infill`: llama.cpp's own route, which takes the marks from the model's vocabulary.
 * - `chat`: a chat model is asked to fill a hole; only where nothing else works.
 */
export type FillInForm = (typeof fillInForms)[number];

/** What trying has shown of one server and model. */
export type FillInFacts = {
  /** Forms that the server refuses, or takes without heeding the suffix. */
  readonly refused: readonly FillInForm[];
  /** The form that brought an answer last. */
  readonly works?: FillInForm;
  /** How many stop texts a request may hold, where the server has refused more. */
  readonly stopsMax?: number;
  /** Requests that the server works on at the same time, as it told. */
  readonly slots?: number;
  /** The server's version when this was found, where it tells one. With another version all of this is void. */
  readonly version?: string;
};

/** Keeps what was found for the next session. Holds origins and model ids, never a key or a prompt. */
export type FillInMemory = {
  /** Undefined: nothing is known of this server and model. Never rejects. */
  recall(origin: string, model: string): Promise<FillInFacts | undefined>;
  /** Undefined forgets. Never throws, and does not wait for the disk. */
  remember(origin: string, model: string, facts: FillInFacts | undefined): void;
};
