import { excerptOf } from "./errors.ts";
import type { FillInFacts, FillInForm } from "./fillInFacts.ts";
import { defined } from "./json.ts";
import { ProviderError } from "./provider.ts";
import type { ProviderServices, StreamPart } from "./provider.ts";

/** When every form was refused, a person may mend the server or the account: after this long it is asked again. */
const allRefusedMs = 600_000;

/** What is tried one after the other when a server refuses the stop texts: OpenAI's limit, one, none. */
const nextStopsMax = (stopsMax: number | undefined): number | undefined =>
  stopsMax === undefined || stopsMax > 1 ? 1 : stopsMax === 1 ? 0 : undefined;

/** Servers name the field that they do not take. A prompt that is too long, or a bad setting, says nothing of a form. */
const namesOf: Readonly<Record<FillInForm, RegExp | undefined>> = {
  "raw-template": undefined,
  "suffix-parameter": /suffix|fill.in.the.middle|\bfim\b/i,
  infill: /infill|input_(?:prefix|suffix)|fill.in.the.middle|\bfim\b/i,
  chat: /chat.?template/i,
};

/** llama.cpp answers 500 to a field that its OpenAI routes know and do not take. */
const unsupportedField = /unsupported param\w*\W{1,3}suffix\b/i;

/** Whether the server says that it does not do this at all, rather than not now or not so. */
const refuses = (form: FillInForm, error: unknown): error is ProviderError => {
  if (!(error instanceof ProviderError)) return false;
  const { kind, message } = error;
  if (kind === "unsupported") return true;
  if (kind === "bad-request") return namesOf[form]?.test(message) === true;
  return form === "suffix-parameter" && unsupportedField.test(message);
};

const refusesStops = (error: unknown): boolean =>
  error instanceof ProviderError &&
  error.kind === "bad-request" &&
  /\bstop(?:s|[ _]?(?:sequence|text|word)s?)?\b/i.test(error.message);

/** How ghost text is asked for at one server and model: what is known of it, and what follows from refusals. */
export type FillIn = {
  /** Whether the memory outlives the session. Without one a request that only tests would be sent again and again. */
  readonly isRemembered: boolean;
  /** What was found so far. */
  readonly facts: FillInFacts;
  /**
   * Takes up what an earlier session has found about this model. Void when the server tells another version now.
   * `slots`: as the server tells them now.
   */
  recall(model: string, version: string | undefined, slots: number | undefined): Promise<void>;
  /** The first of these forms that was not refused. */
  choose(able: readonly FillInForm[]): FillInForm | "none";
  /** The server takes this form, or does not do what it is for. */
  found(form: FillInForm, isWorking: boolean): void;
  /**
   * Streams by the first form that the server takes. What it refuses before the first part is remembered, and the next
   * form is tried in the same call: nothing was generated, so nothing was charged. When what was remembered turns out
   * wrong, all forms are tried anew, once. An answer by the form `unproven` shows nothing yet, and is not remembered.
   * @throws {ProviderError} kind "unsupported" when no form is left, and all that `send` throws.
   */
  stream(
    able: readonly FillInForm[],
    send: (form: FillInForm, stopsMax: number | undefined) => AsyncIterable<StreamPart>,
    unproven?: FillInForm,
  ): AsyncGenerator<StreamPart>;
  /** The server may come back as another one: what this session holds is void, what is remembered is read anew. */
  forget(): void;
};

/** Makes it, knowing nothing. */
export const createFillIn = (
  origin: string,
  { fillInMemory: memory, log, clock }: Pick<ProviderServices, "fillInMemory" | "log" | "clock">,
): FillIn => {
  let facts: FillInFacts = { refused: [] };
  /** What lies in the memory. */
  let saved: FillInFacts | undefined;
  let model: string | undefined;
  let allRefusedAtMs: number | undefined;

  const choose = (able: readonly FillInForm[]): FillInForm | "none" => {
    if (allRefusedAtMs !== undefined && clock.nowMs() - allRefusedAtMs >= allRefusedMs) {
      allRefusedAtMs = undefined;
      facts = { ...facts, refused: [] };
    }
    return able.find((form) => !facts.refused.includes(form)) ?? "none";
  };

  const withRefused = (form: FillInForm): FillInFacts => {
    const { works, ...rest } = facts;
    const refused = [...new Set([...facts.refused, form])];
    return { ...rest, refused, ...(works === undefined || works === form ? {} : { works }) };
  };

  const noteWorking = (form: FillInForm): void => {
    allRefusedAtMs = undefined;
    if (facts.works !== form) facts = { ...facts, works: form };
    if (facts === saved || model === undefined) return;
    saved = facts;
    memory?.remember(origin, model, facts);
  };

  /** Undefined: another form, or fewer stop texts, may do. Else what to throw. */
  const afterRefusal = (
    able: readonly FillInForm[],
    refusedNow: Set<FillInForm>,
    error: ProviderError,
  ): Error | undefined => {
    if (choose(able) !== "none") return undefined;
    const isContradiction = facts.refused.some((form) => able.includes(form) && !refusedNow.has(form));
    // Nothing of it is worth keeping: the next session looks for itself.
    if (model !== undefined) memory?.remember(origin, model, undefined);
    saved = undefined;
    if (isContradiction) {
      log.info(`${origin} takes no longer what it took: looking anew for a way to fill in`);
      const { works: _, ...rest } = facts;
      facts = { ...rest, refused: [...refusedNow] };
      return undefined;
    }
    log.warn(`${origin} cannot fill in: no ghost text from ${model ?? "its model"}`);
    allRefusedAtMs = clock.nowMs();
    const { status } = error;
    return new ProviderError(
      "unsupported",
      `This server and model cannot fill in the middle: ${excerptOf(error.message)}`,
      {
        cause: error,
        ...(status === undefined ? {} : { status }),
      },
    );
  };

  return {
    isRemembered: memory !== undefined,
    get facts() {
      return facts;
    },
    async recall(name, version, slots) {
      const remembered = await memory?.recall(origin, name);
      model = name;
      saved = remembered?.version === version ? remembered : undefined;
      const known = saved ?? { refused: facts.refused, ...defined<Pick<FillInFacts, "version">>({ version }) };
      facts = slots === undefined || slots === known.slots ? known : { ...known, slots };
    },
    choose,
    found(form, isWorking) {
      if (isWorking) noteWorking(form);
      else if (!facts.refused.includes(form)) facts = withRefused(form);
    },
    async *stream(able, send, unproven) {
      const refusedNow = new Set<FillInForm>();
      for (;;) {
        const form = choose(able);
        if (form === "none") throw new ProviderError("unsupported", "This server and model cannot fill in the middle");
        let hasBegun = false;
        try {
          for await (const part of send(form, facts.stopsMax)) {
            if (!hasBegun && form !== unproven) noteWorking(form);
            hasBegun = true;
            yield part;
          }
          return;
        } catch (error) {
          if (hasBegun) throw error;
          const fewer = refusesStops(error) ? nextStopsMax(facts.stopsMax) : undefined;
          if (fewer !== undefined) {
            log.info(`${origin} takes at most ${fewer} stop texts: the others are cut here`);
            facts = { ...facts, stopsMax: fewer };
            continue;
          }
          if (!refuses(form, error)) throw error;
          log.info(`${origin} refuses ${form}`);
          refusedNow.add(form);
          facts = withRefused(form);
          const fault = afterRefusal(able, refusedNow, error);
          if (fault) throw fault;
        }
      }
    },
    forget() {
      facts = { refused: [] };
      model = undefined;
      allRefusedAtMs = undefined;
    },
  };
};
