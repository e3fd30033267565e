/** A sentence as a notification may show it, where `[text](command:…)` would be a link that runs something. */
export const withoutLinks = (sentence: string): string => sentence.replaceAll("](", "] (");

// As much of a name as one needs to know it again.
const maxUnits = 100;

/** A server's words, such as the name that it gives a model, as a part of such a sentence: short, visible, no link. */
export const inNotice = (text: string): string => text.replaceAll(/[\p{C}[\]]/gu, " ").slice(0, maxUnits);
