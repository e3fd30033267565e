import { errorFromAnswer, errorInEvent, excerptOf } from "./errors.ts";
import { asCount, asList, asObject, asText, defined, parseJson, type JsonObject } from "./json.ts";
import { createOpenAiReader, readAbilities } from "./openAiStream.ts";
import { readOverflow } from "./overflow.ts";
import { ProviderError } from "./provider.ts";
import type { ModelInfo, ProviderErrorKind } from "./provider.ts";
import { readRetryAfter } from "./retryAfter.ts";
import { eventFraming, type StreamReader, type WireFormat } from "./wireFormat.ts";

/** @see https://openrouter.ai/docs/api/reference/errors-and-debugging (2026-08), `metadata.error_type` */
const kindsByErrorType: Readonly<Record<string, ProviderErrorKind>> = {
  context_length_exceeded: "context-overflow",
  max_tokens_exceeded: "context-overflow",
  token_limit_exceeded: "context-overflow",
  string_too_long: "context-overflow",
  payload_too_large: "context-overflow",
  authentication: "unauthorized",
  permission_denied: "unauthorized",
  payment_required: "payment-required",
  rate_limit_exceeded: "rate-limited",
  provider_overloaded: "server-error",
  provider_unavailable: "server-error",
  server: "server-error",
  unmapped: "server-error",
  timeout: "timeout",
  not_found: "model-not-found",
  invalid_request: "bad-request",
  invalid_prompt: "bad-request",
  precondition_failed: "bad-request",
  unprocessable: "bad-request",
  content_policy_violation: "moderated",
  refusal: "moderated",
};

/** A provider for the model is missing, not for what was asked of it ("No endpoints found that support tool use"). */
const noModelText = /no endpoints found(?! that support)|no allowed providers|not a valid model/i;
const moderatedText = /moderation|guardrail|flagged/i;

/** What is wrong with the text that was sent: the moderation's or the guardrail's findings. */
const findReasons = (metadata: JsonObject): string =>
  [...asList(metadata["reasons"]), ...asList(metadata["patterns"])].map(asText).filter(Boolean).join(", ");

const kindOf = (base: ProviderError, code: number | undefined, message: string, metadata: JsonObject) => {
  if (code === 402) return "payment-required";
  // A refused text, not a refused key: a new key would change nothing.
  const isAboutText = findReasons(metadata) !== "" || metadata["flagged_input"] !== undefined;
  if (code === 403 && (isAboutText || moderatedText.test(message))) return "moderated";
  if ((code === 400 || code === 404) && noModelText.test(message)) return "model-not-found";
  const type = asText(metadata["error_type"]);
  // Every object has a "constructor".
  return (Object.hasOwn(kindsByErrorType, type) ? kindsByErrorType[type] : undefined) ?? base.kind;
};

/** The limit's headers, which come inside of the body when OpenRouter itself refuses. */
const headersIn = (metadata: JsonObject): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(asObject(metadata["headers"])).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );

/** Sharpens an error by what only OpenRouter says of it. `nowDateMs`: undefined inside of a stream. */
const refine = (base: ProviderError, body: unknown, nowDateMs?: number): ProviderError => {
  const choice = asObject(asList(asObject(body)["choices"])[0]);
  const error = asObject(asObject(body)["error"] ?? choice["error"]);
  const metadata = asObject(error["metadata"]);
  const said = asText(error["message"]);
  const raw = asText(metadata["raw"]);
  const kind = kindOf(base, Number(error["code"]) || base.status, said, metadata);
  // "Provider returned error" alone helps nobody.
  const details = [asText(metadata["provider_name"]), findReasons(metadata), raw].filter((part) => part !== "");
  const status = base.status === undefined ? "" : ` ${base.status}`;
  const message =
    details.length === 0
      ? base.message
      : `The model server answered${status}: ${excerptOf(`${said} (${details.join(": ")})`)}`;
  const retryAfterMs =
    base.retryAfterMs ?? (nowDateMs === undefined ? undefined : readRetryAfter(headersIn(metadata), 429, nowDateMs));
  return new ProviderError(kind, message, {
    ...defined<{ status: number; retryAfterMs: number }>({ status: base.status, retryAfterMs }),
    ...(kind === "context-overflow" ? readOverflow(error, `${said} ${raw}`) : {}),
  });
};

/** OpenRouter's own additions to the OpenAI format. */
export const openRouterFormat: WireFormat = {
  // Names the program in OpenRouter's lists. https://openrouter.ai/docs/app-attribution
  headers: {
    "http-referer": "https://marketplace.visualstudio.com/items?itemName=hotpath.hotpath",
    "x-openrouter-title": "Hotpath",
  },
  framing: eventFraming,
  healthPath: undefined,
  fault: (answer, nowDateMs) => refine(errorFromAnswer(answer, nowDateMs), parseJson(answer.text), nowDateMs),
  faultInPayload(payload, event) {
    const base = errorInEvent(payload, event);
    return base && refine(base, payload);
  },
};

/** What a stream tells of the work behind it. */
export type Generation = {
  /** What `/generation` knows it by. */
  readonly id: string;
  /** The company that did the work; "" while it is not said. */
  readonly providerName: string;
  readonly costUsd: number | undefined;
};

/** The OpenAI format, and what was charged. */
export const createOpenRouterReader = (route: "completions" | "chat"): StreamReader & { generation(): Generation } => {
  const reader = createOpenAiReader(route);
  let id = "";
  let providerName = "";
  let costUsd: number | undefined;
  return {
    ...reader,
    read(payload) {
      const event = asObject(payload);
      if (id === "") id = asText(event["id"]);
      if (providerName === "") providerName = asText(event["provider"]);
      // Said twice is charged once: the last one holds.
      if (event["usage"] !== undefined) costUsd = asCount(asObject(event["usage"])["cost"]) ?? costUsd;
      return reader.read(payload);
    },
    result(isMarked) {
      const result = reader.result(isMarked);
      if (!result || costUsd === undefined) return result;
      return { reason: result.reason, usage: { ...result.usage, costUsd } };
    },
    generation: () => ({ id, providerName, costUsd }),
  };
};

/** A price in US dollars; the router's own models have "-1", which means that it depends. */
const readPrice = (value: unknown): number | undefined => {
  const text = asText(value).trim();
  return asCount(text === "" ? value : Number(text));
};

/** Reads one entry of `/models`. */
export const readModel = (item: unknown): ModelInfo => {
  const entry = asObject(item);
  const pricing = asObject(entry["pricing"]);
  const provider = asObject(entry["top_provider"]);
  return {
    id: asText(entry["id"]),
    ...defined<Omit<ModelInfo, "id">>({
      // The provider that is asked first may take less than the model could.
      contextTokens: asCount(provider["context_length"]) ?? asCount(entry["context_length"]),
      answerTokens: asCount(provider["max_completion_tokens"]),
      promptUsdPerToken: readPrice(pricing["prompt"]),
      completionUsdPerToken: readPrice(pricing["completion"]),
    }),
    ...readAbilities(entry),
  };
};
