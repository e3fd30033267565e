import type { CompletionRequest } from "./provider.ts";

/** All text before the cursor, for servers that build the prompt themselves. */
export const beforeCursor = ({ prefix, typed = "" }: Pick<CompletionRequest, "prefix" | "typed">): string =>
  prefix + typed;

/** The same request without the text of other files, for models that run elsewhere: only what is edited goes there. */
export const withoutFiles = (request: CompletionRequest): CompletionRequest =>
  request.context === undefined ? request : { ...request, context: { ...request.context, files: [] } };

/**
 * The request as a server gets it that is `isPrivate`, on this machine or in a private network, or not: other files' text
 * leaves those only where its context says that it may.
 */
export const forServer = (request: CompletionRequest, isPrivate: boolean): CompletionRequest =>
  isPrivate || request.context?.mayLeave === true ? request : withoutFiles(request);

/** Length of everything that a request tells the model, in UTF-16 units. */
export const completionUnits = ({ prefix, typed = "", suffix, context }: CompletionRequest): number =>
  (context?.files ?? []).reduce(
    (sum, { path, text }) => sum + path.length + text.length,
    prefix.length + typed.length + suffix.length,
  );
