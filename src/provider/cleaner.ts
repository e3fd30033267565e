import type { ProviderError } from "./provider.ts";
import type { WireFormat } from "./wireFormat.ts";

/** Takes the key of one request out of text that ends in an error. */
export type Clean = (text: string) => string;

/** A shorter one would stand in half of all words by chance; those who set one mostly do because something must be set. */
const minKeyLength = 8;

/** Some servers repeat a key that they refuse, and their words end in messages. */
export const createCleaner = (key: string): Clean =>
  key.length < minKeyLength ? (text) => text : (text) => text.replaceAll(key, "[key]");

const cleanValue = (value: unknown, clean: Clean): unknown =>
  JSON.parse(JSON.stringify(value), (_, part: unknown) => (typeof part === "string" ? clean(part) : part)) as unknown;

/** The fault that a JSON answer or one event of a stream reports, without the key. The payload stays as it is. */
export const faultIn = (
  { faultInPayload }: Pick<WireFormat, "faultInPayload">,
  payload: unknown,
  clean: Clean,
  event?: string,
): ProviderError | undefined => faultInPayload(payload, event) && faultInPayload(cleanValue(payload, clean), event);
