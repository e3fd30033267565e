import { languageOf } from "./languageOf.ts";

const hashComment = /^\s*#|\s#\s/;
// A star alone goes on with a comment; before a name it follows a pointer.
const slashComment = /^\s*(?:\/\/|\/\*|\*(?:\s|\/|$))|\s\/\/\s/;
const hashLanguages = /^(?:py|pyi|ipynb)$/;

/** Whether `line`, as far as it is typed, ends in a comment, for the languages that have a standard text. Pure. */
export const endsInComment = (path: string, line: string): boolean =>
  (hashLanguages.test(languageOf(path)) ? hashComment : slashComment).test(line);
