// Answers that break off, and answers that are framed strangely: cases 8 to 16.
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import { createCompletionEngine } from "../../src/completion/engine.ts";
import { createLedger } from "../../src/metrics/ledger.ts";
import type { ProviderKind } from "../../src/provider/provider.ts";
import { readServerSentEvents, type ServerSentEvent } from "../../src/transport/sse.ts";
import { createTransportClient } from "../../src/transport/client.ts";
import { createFakeClock } from "../fake/clock.ts";
import {
  createModelServer,
  linesReply,
  ndjson,
  sse,
  streamReply,
  type ReplyStep,
  type ScriptedReply,
} from "../fake/modelServer.ts";
import { assertFault, collectParts } from "../unit/provider/harness.ts";
import {
  chatPathOf,
  chunk,
  createHarness,
  drive,
  everythingOf,
  generatingRequests,
  lastLine,
  line,
  providerKinds,
  question,
  settle,
  timerWhere,
  until,
} from "./harness.ts";

/** These pieces of text as a chat in the format of `kind`, and how the answer goes on after them. */
const chatReply = (
  kind: ProviderKind,
  texts: readonly string[],
  rest: readonly ReplyStep[],
  finish: NonNullable<ScriptedReply["finish"]> = "end",
): ScriptedReply =>
  kind === "ollama"
    ? linesReply([...texts.map((text) => ndjson(line(text))), ...rest], finish)
    : streamReply([...texts.map((text) => sse(chunk(text))), ...rest], finish);

for (const kind of providerKinds) {
  for (const finish of ["cut", "reset"] as const) {
    test(`#08 ${kind}: an answer that is ${finish} after some text keeps it and is not asked for again`, async (context) => {
      const { clock, server, provider } = await createHarness(context, kind);
      const hasRead = Promise.withResolvers<void>();
      // A reset drops what the client has not read yet, so the server waits for that.
      server.script(chatPathOf(kind), chatReply(kind, ["Hello", " wor"], [() => hasRead.promise], finish));
      let text = "";
      let fault: unknown;
      try {
        for await (const part of provider.streamChat(question)) {
          assert.equal(part.type, "text");
          text += part.type === "text" ? part.text : "";
          if (text === "Hello wor") hasRead.resolve();
        }
      } catch (error) {
        fault = error;
      }
      assert.equal(text, "Hello wor");
      assertFault(fault, "truncated");
      await settle();
      clock.advance(600_000);
      await settle();
      assert.equal(generatingRequests(server).length, 1);
    });
  }

  test(`#09 ${kind}: a clean end without the mark of the end is no success`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    server.script(chatPathOf(kind), chatReply(kind, ["Hello", " wor"], []));
    const outcome = await collectParts(provider.streamChat(question));
    assert.equal(outcome.text, "Hello wor");
    assert.equal(outcome.end, undefined);
    assertFault(outcome.error, "truncated");
    clock.advance(600_000);
    await settle();
    assert.equal(generatingRequests(server).length, 1);
  });

  test(`#13 ${kind}: one byte at a time gives the same text`, async (context) => {
    const text = "Grüße, 世界! 👩‍👩‍👧 \r\n line two \u2028 é";
    const { clock, server, provider } = await createHarness(context, kind);
    const whole =
      kind === "ollama"
        ? (ndjson(line(text)) + ndjson(lastLine)).replaceAll("\n", "\r\n")
        : (sse(chunk(text)) + sse(chunk(null, "stop")) + sse("[DONE]")).replaceAll("\n", "\r\n");
    const steps: ReplyStep[] = [];
    for (const byte of Buffer.from(whole)) {
      steps.push(Uint8Array.of(byte), async () => {
        // The client reads the byte before the next comes, and sees 50 ms pass.
        await settle(2);
        clock.advance(50);
      });
    }
    server.script(chatPathOf(kind), kind === "ollama" ? linesReply(steps) : streamReply(steps));
    const outcome = await collectParts(provider.streamChat(question));
    assert.equal(outcome.error, undefined);
    assert.equal(outcome.text, text);
    assert.equal(outcome.end?.reason, "stop");
  });

  test(`#15 ${kind}: an event of 50 MB is given up early`, async (context) => {
    const { server, provider } = await createHarness(context, kind);
    const megabyte = Buffer.alloc(1024 * 1024, "x");
    let sentMegabytes = 0;
    const steps = Array.from({ length: 50 }, (): ReplyStep[] => [megabyte, async () => void sentMegabytes++]).flat();
    server.script(
      chatPathOf(kind),
      kind === "ollama" ? linesReply(['{"message":{"content":"', ...steps]) : streamReply(["data: ", ...steps]),
    );
    const outcome = await collectParts(provider.streamChat(question));
    assertFault(outcome.error, "bad-response");
    await (
      await server.nextRequest(chatPathOf(kind))
    ).closedByClient;
    // What the kernel holds between the two is neither's, some megabytes on a loopback.
    assert.ok(sentMegabytes < 25, `${sentMegabytes} MB were sent`);
    assert.equal(generatingRequests(server).length, 1);
  });

  test(`#16 ${kind}: an event that is no JSON ends the stream with an error that is short`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    const broken = `{"content": ${"secret ".repeat(100)}`;
    server.script(
      chatPathOf(kind),
      chatReply(kind, ["Hello"], [kind === "ollama" ? `${broken}\n` : sse(broken), "more"], "hang"),
    );
    const outcome = await collectParts(provider.streamChat(question));
    assert.equal(outcome.text, "Hello");
    assertFault(outcome.error, "bad-response");
    assert.ok(outcome.error.message.length < 300, outcome.error.message);
    assert.ok(!everythingOf(outcome.error).includes("secret"), "what the model wrote is not told");
    await (
      await server.nextRequest(chatPathOf(kind))
    ).closedByClient;
    clock.advance(600_000);
    await settle();
    assert.equal(generatingRequests(server).length, 1);
  });
}

test("#09 an answer that broke off is not remembered as one", async (context) => {
  const { clock, server, provider } = await createHarness(context, "llamacpp");
  const failures: unknown[] = [];
  const ledger = createLedger({ clock });
  const engine = createCompletionEngine({
    clock,
    ledger,
    onBetter() {},
    onSuccess() {},
    onFailure: (error) => failures.push(error),
  });
  context.after(() => engine.dispose());
  engine.use({ model: { provider, model: "m" } });
  const suggestAt = (documentId: string, prefix: string) =>
    engine.suggest(
      { documentId, path: documentId, languageId: "typescript", prefix, suffix: "\n", aheadUnits: 0 },
      new AbortController().signal,
    );
  server.script("/completion", streamReply([sse({ content: "first();\nsecond(", stop: false })]));
  await suggestAt("a.ts", "if (run) ");
  await until(() => failures.length > 0);
  assertFault(failures[0], "truncated");
  clock.advance(600_000);
  // Something else is on screen in between, and that is remembered.
  assert.equal((await suggestAt("b.ts", "if (other) "))?.source, "network");
  // A statement is shown before its answer has ended.
  await until(() => ledger.runningCount() === 0);
  assert.equal((await suggestAt("c.ts", "if (third) "))?.source, "network");
  assert.equal((await suggestAt("b.ts", "if (other) "))?.source, "cache");
  const back = await suggestAt("a.ts", "if (run) ");
  assert.equal(back?.source, "network");
  assert.equal(back.insertText, "return 42;");
  assert.equal(generatingRequests(server).length, 4);
});

for (const kind of ["llamacpp", "openai-compatible", "openrouter"] as const) {
  test(`#10 ${kind}: a finish reason without [DONE] is a success`, async (context) => {
    const { server, provider } = await createHarness(context, kind);
    server.script(chatPathOf(kind), streamReply([sse(chunk("Hello")), sse(chunk(null, "stop"))]));
    const outcome = await collectParts(provider.streamChat(question));
    assert.equal(outcome.error, undefined);
    assert.equal(outcome.text, "Hello");
    assert.equal(outcome.end?.reason, "stop");
  });

  test(`#10 ${kind}: a finish reason and then a broken connection is a success`, async (context) => {
    const { server, provider } = await createHarness(context, kind);
    server.script(chatPathOf(kind), streamReply([sse(chunk("Hello")), sse(chunk(null, "length"))], "cut"));
    const outcome = await collectParts(provider.streamChat(question));
    assert.equal(outcome.error, undefined);
    assert.equal(outcome.end?.reason, "length");
    assert.equal(generatingRequests(server).length, 1);
  });

  test(`#10 ${kind}: a finish reason and then silence is a success two seconds later`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    server.script(chatPathOf(kind), streamReply([sse(chunk("Hello")), sse(chunk(null, "stop"))], "hang"));
    const { result, waitedMs } = await drive(clock, collectParts(provider.streamChat(question)), 2_000);
    assert.equal(result.error, undefined);
    assert.equal(result.text, "Hello");
    assert.equal(result.end?.reason, "stop");
    assert.equal(waitedMs, 2_000);
    await (
      await server.nextRequest(chatPathOf(kind))
    ).closedByClient;
    assert.equal(generatingRequests(server).length, 1);
  });

  test(`#10 ${kind}: the usage that follows the finish reason is waited for`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    const hasWaited = Promise.withResolvers<void>();
    const usage = { ...chunk(null), choices: [], usage: { prompt_tokens: 7, completion_tokens: 2 } };
    server.script(
      chatPathOf(kind),
      streamReply([sse(chunk("Hello")), sse(chunk(null, "stop")), () => hasWaited.promise, sse(usage)], "hang"),
    );
    const outcome = collectParts(provider.streamChat(question));
    await timerWhere(clock, (delayMs) => delayMs === 2_000);
    clock.advance(1_999);
    hasWaited.resolve();
    await settle();
    clock.advance(1);
    const { error, end } = await outcome;
    assert.equal(error, undefined);
    assert.equal(end?.usage.promptTokens, 7);
  });

  const late = [sse(chunk("LATE")), ": comment\n\n", sse("{broken"), sse({ error: { message: "late" } })];

  test(`#11 ${kind}: what comes with [DONE] and after it is ignored, and the connection is used again`, async (context) => {
    const { server, transport, provider } = await createHarness(context, kind);
    const hasEnded = Promise.withResolvers<void>();
    const end = sse(chunk(null, "stop")) + sse("[DONE]") + late.join("");
    server.script(chatPathOf(kind), streamReply([sse(chunk("Hello")), end, () => hasEnded.promise, ...late]));
    const first = await collectParts(provider.streamChat(question));
    hasEnded.resolve();
    assert.equal(first.error, undefined);
    assert.equal(first.text, "Hello");
    await (
      await server.nextRequest(chatPathOf(kind))
    ).answered;
    await settle();
    const { opened } = transport.counters();
    const second = await collectParts(provider.streamChat(question));
    assert.equal(second.error, undefined);
    assert.equal(transport.counters().opened, opened);
  });
}

test("#11 what comes with Ollama's last line and after it is ignored, and the connection is used again", async (context) => {
  const { server, transport, provider } = await createHarness(context, "ollama");
  const hasEnded = Promise.withResolvers<void>();
  const late = `${ndjson(line("LATE"))}{broken\n`;
  server.script(
    "/api/chat",
    linesReply([ndjson(line("Hello")), ndjson(lastLine) + late, () => hasEnded.promise, late]),
  );
  const first = await collectParts(provider.streamChat(question));
  hasEnded.resolve();
  assert.equal(first.error, undefined);
  assert.equal(first.text, "Hello");
  await (
    await server.nextRequest("/api/chat")
  ).answered;
  await settle();
  const { opened } = transport.counters();
  const second = await collectParts(provider.streamChat(question));
  assert.equal(second.error, undefined);
  assert.equal(transport.counters().opened, opened);
});

for (const kind of ["llamacpp", "openai-compatible", "openrouter"] as const) {
  test(`#12 ${kind}: comments without data do not count as the first token`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    let comments = 0;
    const comment = async (): Promise<void> => {
      comments++;
      await settle(5);
      clock.advance(30_000);
      await settle(5);
    };
    const endless = Array.from({ length: 200 }, (): ReplyStep[] => [": PROCESSING\n\n", comment]).flat();
    server.script(chatPathOf(kind), streamReply(endless));
    const outcome = await collectParts(provider.streamChat(question));
    assertFault(outcome.error, "timeout");
    await (
      await server.nextRequest(chatPathOf(kind))
    ).closedByClient;
    assert.ok(comments <= 21, `it was given up after ${comments} comments, 30 s each`);
  });

  test(`#12 ${kind}: comments between two tokens keep a slow answer alive`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    const pause = Array.from({ length: 20 }, (): ReplyStep[] => [
      ": PROCESSING\n\n",
      async () => {
        await settle(5);
        clock.advance(30_000);
      },
    ]).flat();
    server.script(
      chatPathOf(kind),
      streamReply([sse(chunk("Hello")), ...pause, sse(chunk(" again")), sse(chunk(null, "stop")), sse("[DONE]")]),
    );
    const outcome = await collectParts(provider.streamChat(question));
    assert.equal(outcome.error, undefined);
    assert.equal(outcome.text, "Hello again");
  });
}

const framings: readonly {
  readonly name: string;
  readonly bytes: string;
  readonly events: readonly ServerSentEvent[];
}[] = [
  { name: "lone carriage returns", bytes: "data: a\r\rdata: b\r\r", events: [{ data: "a" }, { data: "b" }] },
  { name: "line feeds", bytes: "data: a\n\ndata: b\n\n", events: [{ data: "a" }, { data: "b" }] },
  { name: "both", bytes: "data: a\r\n\r\ndata: b\r\n\r\n", events: [{ data: "a" }, { data: "b" }] },
  { name: "a byte order mark", bytes: "\uFEFFdata: a\n\n", events: [{ data: "a" }] },
  { name: "data over several lines", bytes: "data: a\ndata: b\ndata:\n\n", events: [{ data: "a\nb\n" }] },
  { name: "no space after the colon", bytes: "data:a\n\ndata:  b\n\n", events: [{ data: "a" }, { data: " b" }] },
  {
    name: "event, id and retry lines",
    bytes: "event: delta\nid: 7\nretry: 10000\ndata: a\n\nid: 8\n\nretry: 5\n\ndata: b\n\n",
    events: [{ event: "delta", data: "a" }, { data: "b" }],
  },
  {
    name: "unknown fields and comments",
    bytes: ": hi\nfoo: bar\ndata\n\n:\ndata: a\n\n",
    events: [{ data: "" }, { data: "a" }],
  },
  { name: "a last event that is cut off", bytes: "data: a\n\ndata: b\n", events: [{ data: "a" }] },
];
for (const { name, bytes, events } of framings) {
  test(`#14 ${name} are read as the specification says, in any pieces`, async (context) => {
    const clock = createFakeClock();
    const server = await createModelServer();
    const transport = createTransportClient({ clock, log: silentLog });
    context.after(async () => {
      await transport.close();
      await server.close();
    });
    const encoded = Buffer.from(bytes);
    for (const sizeBytes of [encoded.length, 1, 2, 3]) {
      const steps: ReplyStep[] = [];
      for (let at = 0; at < encoded.length; at += sizeBytes) {
        steps.push(encoded.subarray(at, at + sizeBytes), () => settle(2));
      }
      server.script("/events", streamReply(steps));
      const response = await transport.request({ method: "POST", url: `${server.url}/events`, body: "{}" });
      const read: ServerSentEvent[] = [];
      for await (const event of readServerSentEvents(response.body)) read.push(event);
      assert.deepEqual(read, events, `in pieces of ${sizeBytes}`);
    }
  });
}

test("#14 a chat that is framed in all these ways at once is read", async (context) => {
  const { server, provider } = await createHarness(context, "openai-compatible");
  const [head, ...rest] = JSON.stringify(chunk("Hello")).split(",");
  const bytes =
    `\uFEFFretry: 3000\rid: 1\rdata:${head},\r${rest.map((part) => `data:${part}`).join(",\r")}\r\r` +
    `event: message\r\ndata: ${JSON.stringify(chunk(" you", "stop"))}\r\n\r\n: bye\n\ndata:[DONE]\n\n`;
  server.script("/v1/chat", streamReply([bytes]));
  const outcome = await collectParts(provider.streamChat(question));
  assert.equal(outcome.error, undefined);
  assert.equal(outcome.text, "Hello you");
});
