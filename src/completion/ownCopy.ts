/** The same text in memory of its own. A slice of a string keeps all of it: here, a whole version of a document. */
export const ownCopy = (text: string): string => Buffer.from(text, "utf16le").toString("utf16le");
