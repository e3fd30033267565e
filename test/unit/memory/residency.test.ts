import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResidencyError } from "../../../src/memory/modelServer.ts";
import { createResidency, type Residency } from "../../../src/memory/residency.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelMemory, runClock, type ModelMemory } from "../../fake/modelMemory.ts";
import { createRandom } from "../../fake/sizeSeries.ts";

const gb = 2 ** 30;
const refusedAs = (kind: string) => (error: unknown) => (error as ResidencyError).kind === kind;

/** A machine with 20 GB for models: the budget is 14 GB, the limit 17 GB. */
const setUp = (
  more: Partial<Parameters<typeof createResidency>[0]> & { loadMs?: number; freedAfterMs?: number } = {},
) => {
  const clock = createFakeClock();
  const server = createModelMemory({ clock, loadMs: more.loadMs ?? 1000, freedAfterMs: more.freedAfterMs ?? 0 });
  for (const [model, size] of Object.entries({ a: 6, b: 6, c: 6, big: 16, huge: 18 }))
    server.sizes.set(model, size * gb);
  const residency = createResidency({ clock, servers: [server], usableBytes: () => 20 * gb, ...more });
  const acquire = (model: string, signal?: AbortSignal) =>
    residency.acquire({ server, model, sizeBytes: () => server.sizes.get(model)! }, signal);
  /** As Ollama does: it keeps what was asked for half an hour from then on, whoever has asked. */
  const touch = (model: string) => {
    const loaded = server.models.get(model);
    if (loaded) server.models.set(model, { ...loaded, expiresAtMs: clock.dateMs() + 30 * 60_000 });
  };
  const use = async (model: string) => {
    (await runClock(clock, acquire(model))).release();
    touch(model);
  };
  const unload = async (model: string) => runClock(clock, residency.unload(`${server.origin}\n${model}`));
  return { clock, server, residency, acquire, use, touch, unload };
};

const changesIn = (server: ModelMemory) => server.calls.filter((call) => call !== "list");
const namesIn = (server: ModelMemory) => [...server.models.keys()];

test("the least recently used model goes, before the new one comes", async () => {
  const { clock, server, residency, use } = setUp();
  await use("a");
  clock.advance(1000);
  await use("b");
  clock.advance(1000);
  await use("a");
  clock.advance(1000);
  await use("c");
  assert.deepEqual(changesIn(server), ["load a", "load b", "unload b", "load c"]);
  assert.deepEqual(namesIn(server), ["a", "c"]);
  assert.deepEqual(residency.statistics(), { hits: 1, misses: 3, evictions: 1, expired: 0, refused: 0 });
  assert.equal(server.peakBytes(), 12 * gb);
});

test("a model over the limit is refused with the figures, one between budget and limit is loaded alone", async () => {
  const { clock, server, residency, acquire, use } = setUp();
  await use("a");
  await assert.rejects(runClock(clock, acquire("huge")), (error: ResidencyError) => {
    assert.equal(error.kind, "too-large");
    assert.deepEqual(error.details, { neededBytes: 18 * gb, limitBytes: 17 * gb });
    return true;
  });
  assert.deepEqual(namesIn(server), ["a"]);
  await use("big");
  assert.deepEqual(namesIn(server), ["big"]);
  assert.equal(residency.statistics().refused, 1);
});

test("a model in use is never unloaded, by us or by the server's word", async () => {
  const { clock, server, acquire, use } = setUp();
  const a = await runClock(clock, acquire("a"));
  const b = await runClock(clock, acquire("b"));
  await assert.rejects(runClock(clock, acquire("c")), (error: ResidencyError) => {
    assert.equal(error.kind, "in-use");
    assert.deepEqual(error.details.models, ["a", "b"]);
    return true;
  });
  const again = await runClock(clock, acquire("a"));
  a.release();
  a.release();
  await assert.rejects(runClock(clock, acquire("c")), refusedAs("in-use"));
  again.release();
  server.models.set("a", { model: "a", sizeBytes: 6 * gb, isBusy: true });
  await assert.rejects(runClock(clock, acquire("c")), refusedAs("in-use"));
  b.release();
  await use("c");
  assert.deepEqual(namesIn(server), ["a", "c"]);
});

test("what somebody else loaded stays unless a person agrees, and then goes last", async () => {
  const asked: string[][] = [];
  let isAllowed = false;
  const { clock, server, acquire, use } = setUp({
    mayEvict: async (models) => {
      asked.push(models.map(({ model }) => model));
      return isAllowed;
    },
  });
  server.models.set("theirs", { model: "theirs", sizeBytes: 7 * gb });
  await use("a");
  await use("b");
  assert.deepEqual(namesIn(server), ["theirs", "b"]);
  assert.deepEqual(asked, []);
  await assert.rejects(runClock(clock, acquire("big")), refusedAs("not-ours"));
  assert.deepEqual(namesIn(server), ["theirs", "b"]);
  isAllowed = true;
  await use("big");
  assert.deepEqual(asked, [["theirs"], ["theirs"]]);
  assert.deepEqual(namesIn(server), ["big"]);
});

test("a model that was there before us is used and left alone", async () => {
  const { clock, server, residency, use } = setUp();
  server.models.set("a", { model: "a", sizeBytes: 6 * gb });
  await use("a");
  clock.advance(10 * 3_600_000);
  await runClock(clock, residency.list());
  assert.deepEqual(namesIn(server), ["a"]);
  assert.deepEqual(residency.statistics(), { hits: 1, misses: 0, evictions: 0, expired: 0, refused: 0 });
});

test("loads nothing before the memory has come back", async () => {
  const { server, use } = setUp({ freedAfterMs: 2000 });
  await use("a");
  await use("b");
  await use("c");
  assert.equal(server.peakBytes(), 12 * gb);
});

test("waits for the free memory, too, and gives up when it does not come", async () => {
  let isStuck = true;
  let free = 8 * gb;
  const { clock, server, acquire, use } = setUp({ freeBytes: async () => (isStuck ? 2 * gb : free) });
  await use("a");
  await use("b");
  const startMs = clock.nowMs();
  await assert.rejects(runClock(clock, acquire("c")), refusedAs("not-freed"));
  assert.ok(clock.nowMs() - startMs >= 5000);
  assert.ok(!server.calls.includes("load c"));
  isStuck = false;
  free = 9 * gb;
  await use("c");
  assert.deepEqual(namesIn(server), ["b", "c"]);
});

test("where there is room without it, memory that does not come back is not waited for", async () => {
  const { clock, server, use } = setUp({ freeBytes: async () => 8 * gb });
  await use("a");
  await use("b");
  const startMs = clock.nowMs();
  await use("c");
  assert.ok(clock.nowMs() - startMs < 2000);
  assert.deepEqual(namesIn(server), ["b", "c"]);
});

test("a loaded model does not wait while another one loads", async () => {
  const { clock, acquire, use } = setUp({ loadMs: 30_000 });
  await use("a");
  clock.advance(60_000);
  const loading = acquire("b");
  const startMs = clock.nowMs();
  (await runClock(clock, acquire("a"))).release();
  assert.equal(clock.nowMs(), startMs);
  (await runClock(clock, loading)).release();
});

test("a model that was seen loaded just now is not asked after, unless it was seen to be gone", async () => {
  const { server, residency, use } = setUp();
  await use("a");
  const asked = server.calls.length;
  await use("a");
  assert.equal(server.calls.length, asked);
  server.models.delete("a");
  await residency.list();
  await use("a");
  assert.deepEqual(changesIn(server), ["load a", "load a"]);
});

test("whoever wants a model that is being unloaded waits, and loads it anew", async () => {
  const { clock, server, acquire, use, unload } = setUp({ freedAfterMs: 2000 });
  await use("a");
  const unloading = unload("a");
  await clock.timer(2000);
  const wanted = acquire("a");
  assert.equal(await unloading, true);
  (await runClock(clock, wanted)).release();
  assert.deepEqual(changesIn(server), ["load a", "unload a", "load a"]);
  assert.deepEqual(namesIn(server), ["a"]);
});

test("a model that comes into use while a person is asked is not unloaded", async () => {
  const answer = Promise.withResolvers<boolean>();
  const asked = Promise.withResolvers<void>();
  const { clock, server, acquire, use } = setUp({
    mayEvict: () => {
      asked.resolve();
      return answer.promise;
    },
  });
  await use("a");
  server.models.set("theirs", { model: "theirs", sizeBytes: 7 * gb });
  const big = acquire("big");
  await asked.promise;
  const a = await runClock(clock, acquire("a"));
  answer.resolve(true);
  await assert.rejects(runClock(clock, big), refusedAs("in-use"));
  assert.deepEqual(namesIn(server), ["a", "theirs"]);
  a.release();
});

test("cancelling: the last of two ends the load, and the next request loads anew", async () => {
  const { clock, server, residency, acquire, use } = setUp();
  const first = new AbortController();
  const second = new AbortController();
  const one = acquire("a", first.signal);
  const two = acquire("a", second.signal);
  await clock.timer(1000);
  first.abort();
  await assert.rejects(one, { name: "AbortError" });
  assert.deepEqual(clock.pending(), [1000]);
  second.abort();
  await assert.rejects(two, { name: "AbortError" });
  await use("a");
  assert.deepEqual(changesIn(server), ["load a", "load a"]);
  await assert.rejects(residency.acquire({ server, model: "a", sizeBytes: () => 1 }, first.signal), {
    name: "AbortError",
  });
  residency.dispose();
  assert.deepEqual(clock.pending(), []);
});

test("an unused model of ours goes after its time, which grows with the pauses between uses", async () => {
  const { clock, server, residency, use, unload } = setUp();
  await use("a");
  assert.deepEqual(residency.nextUnload(), { model: "a", atMs: clock.dateMs() + 30 * 60_000 });
  clock.advance(3000);
  await use("a");
  assert.deepEqual(residency.nextUnload(), { model: "a", atMs: clock.dateMs() + 30 * 60_000 }, "that was no pause");
  clock.advance(4 * 60_000);
  await use("a");
  clock.advance(15 * 60_000);
  assert.deepEqual(namesIn(server), ["a"]);
  clock.advance(60_000);
  await unload("none");
  assert.deepEqual(namesIn(server), []);
  assert.equal(residency.statistics().expired, 1);
  assert.equal(residency.nextUnload(), undefined);
});

test("a model that another window has used since then stays, until nobody has used it", async () => {
  const { clock, server, residency, use, touch, unload } = setUp();
  await use("a");
  clock.advance(20 * 60_000);
  touch("a");
  clock.advance(10 * 60_000);
  await unload("none");
  assert.deepEqual(namesIn(server), ["a"]);
  assert.deepEqual(residency.nextUnload(), { model: "a", atMs: clock.dateMs() + 30 * 60_000 });
  // Another program asks for less than we do.
  server.models.set("a", { model: "a", sizeBytes: 6 * gb, expiresAtMs: clock.dateMs() + 29 * 60_000 });
  clock.advance(30 * 60_000);
  await unload("none");
  assert.deepEqual(namesIn(server), ["a"]);
  await use("a");
  clock.advance(30 * 60_000);
  await unload("none");
  assert.deepEqual(namesIn(server), []);
});

test("nothing goes by time where the server does not tell who uses it, or models are left to themselves", async () => {
  const { clock, server, residency } = setUp();
  const silent = { ...server, tellsLastUse: false };
  (await runClock(clock, residency.acquire({ server: silent, model: "a", sizeBytes: () => 1 }))).release();
  assert.equal(residency.nextUnload(), undefined);
  assert.deepEqual(clock.pending(), []);
  let isManaging = false;
  const left = setUp({ isManaging: () => isManaging });
  await left.use("a");
  assert.deepEqual(left.clock.pending(), []);
  isManaging = true;
  await left.use("a");
  assert.ok(left.residency.nextUnload());
  isManaging = false;
  assert.equal(left.residency.nextUnload(), undefined);
  left.clock.advance(30 * 60_000);
  await left.unload("none");
  assert.deepEqual(namesIn(left.server), ["a"]);
});

test("unloading waits for its turn only as long as whoever asked does", async () => {
  const { clock, server, residency, acquire, use } = setUp({ loadMs: 30_000 });
  await use("a");
  const loading = acquire("b");
  await clock.timer(30_000);
  const stop = new AbortController();
  const unloading = residency.unload(`${server.origin}\na`, stop.signal);
  stop.abort();
  await assert.rejects(unloading, { name: "AbortError" });
  (await runClock(clock, loading)).release();
  assert.deepEqual(namesIn(server), ["a", "b"]);
});

test("the size of a model that is loaded is not asked for", async () => {
  const { clock, server, residency } = setUp();
  server.models.set("a", { model: "a", sizeBytes: 6 * gb });
  const need = { server, model: "a", sizeBytes: () => assert.fail("it is loaded") };
  (await runClock(clock, residency.acquire(need))).release();
});

test("a model that was just used is held without a question, until it leaves", async () => {
  const { clock, server, residency, use, unload } = setUp();
  assert.equal(residency.hold(server, "a"), undefined);
  await use("a");
  const asked = server.calls.length;
  const lease = residency.hold(server, "a");
  clock.advance(3 * 60_000);
  assert.ok(lease);
  await assert.rejects(runClock(clock, residency.acquire({ server, model: "big", sizeBytes: () => 16 * gb })));
  lease.release(true);
  clock.advance(3 * 60_000);
  const again = residency.hold(server, "a");
  assert.ok(again, "the answer told that it was loaded");
  again.release();
  assert.equal(server.calls.slice(asked).filter((call) => call !== "list").length, 0);
  clock.advance(2 * 60_000);
  assert.equal(residency.hold(server, "a"), undefined, "nobody has seen it for five minutes");
  await use("a");
  await unload("a");
  assert.equal(residency.hold(server, "a"), undefined, "it was unloaded");
});

test("a person may unload what somebody else loaded, but not what is in use", async () => {
  const { clock, server, residency, acquire } = setUp();
  server.models.set("theirs", { model: "theirs", sizeBytes: 7 * gb });
  const lease = await runClock(clock, acquire("a"));
  const keys = (await residency.list()).map(({ key }) => key);
  const results: boolean[] = [];
  for (const key of [...keys, "unknown"]) results.push(await runClock(clock, residency.unload(key)));
  assert.deepEqual(results, [true, false, false]);
  server.models.set("busy", { model: "busy", sizeBytes: gb, isBusy: true });
  const busy = (await residency.list()).find(({ model }) => model === "busy")!;
  assert.equal(await runClock(clock, residency.unload(busy.key)), false);
  server.models.delete("busy");
  assert.deepEqual(namesIn(server), ["a"]);
  lease.release();
});

test("a model that turns out larger than thought makes the others go", async () => {
  const { clock, server, residency, use } = setUp();
  await use("a");
  server.sizes.set("b", 10 * gb);
  (await runClock(clock, residency.acquire({ server, model: "b", sizeBytes: () => 5 * gb }))).release();
  assert.deepEqual(namesIn(server), ["b"]);
});

test("once a model is loaded nobody is asked for room, and what others loaded stays", async () => {
  const { clock, server, residency } = setUp({ mayEvict: () => assert.fail("the model is loaded") });
  server.models.set("theirs", { model: "theirs", sizeBytes: 7 * gb });
  server.sizes.set("b", 10 * gb);
  (await runClock(clock, residency.acquire({ server, model: "b", sizeBytes: () => 5 * gb }))).release();
  assert.deepEqual(namesIn(server), ["theirs", "b"]);
});

test("a model that was loaded ahead of need makes no other go, however large it turns out", async () => {
  const { clock, server, residency, use } = setUp();
  await use("a");
  server.sizes.set("b", 10 * gb);
  const need = { server, model: "b", sizeBytes: () => 5 * gb, evictsNothing: true };
  (await runClock(clock, residency.acquire(need))).release();
  assert.deepEqual(namesIn(server), ["a", "b"]);
});

test("1,000 random loads never exceed the budget", async () => {
  for (const seed of [1, 2, 3]) {
    const clock = createFakeClock();
    const random = createRandom(seed);
    let worstBytes = 0;
    const onLoad = () => {
      worstBytes = Math.max(worstBytes, servers[0]!.usedBytes() + servers[1]!.usedBytes());
    };
    const servers = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map((origin) =>
      createModelMemory({ clock, origin, loadMs: 700, freedAfterMs: 400, onLoad }),
    );
    for (const server of servers) {
      for (let model = 0; model < 10; model++) server.sizes.set(`m${model}`, Math.ceil(random() * 13 * gb));
    }
    const residency: Residency = createResidency({ clock, servers, usableBytes: () => 20 * gb });
    const held: { release(): void }[] = [];
    let refused = 0;
    const one = async () => {
      const server = servers[Math.floor(random() * 2)]!;
      const model = `m${Math.floor(random() * 10)}`;
      const signal = random() < 0.1 ? new AbortController() : undefined;
      const pending = residency.acquire({ server, model, sizeBytes: () => server.sizes.get(model)! }, signal?.signal);
      if (signal) clock.after(random() * 1500, () => signal.abort());
      try {
        const lease = await pending;
        assert.ok(server.models.has(model), "the model of a lease is loaded");
        if (random() < 0.2) held.push(lease);
        else lease.release();
      } catch (error) {
        if ((error as Error).name === "AbortError") return;
        assert.equal((error as ResidencyError).kind, "in-use");
        refused++;
        while (held.length > 0) held.pop()!.release();
      }
    };
    for (let load = 0; load < 1000; load += 4) {
      await runClock(clock, Promise.all([one(), one(), one(), one()]), 100);
      for (const { model, server } of await residency.list()) assert.ok((server as ModelMemory).models.has(model));
      assert.ok(worstBytes <= 14 * gb, `${worstBytes / gb} GB`);
    }
    const { hits, misses, evictions } = residency.statistics();
    assert.ok(hits > 50 && misses > 100 && evictions > 100 && refused > 0, JSON.stringify(residency.statistics()));
    residency.dispose();
  }
});

test("5, 10 and 20 requests on one model load it once", async (t) => {
  const loadMs = 2850;
  const answerMs = 100;
  for (const requests of [5, 10, 20]) {
    const { clock, server, acquire } = setUp({ loadMs });
    const answer = async () => {
      const lease = await acquire("a");
      await new Promise<void>((resolve) => {
        clock.after(answerMs, resolve);
      });
      lease.release();
    };
    const startMs = clock.nowMs();
    for (let request = 0; request < requests; request++) await runClock(clock, answer());
    const onceMs = clock.nowMs() - startMs;
    const eachMs = requests * (loadMs + answerMs);
    assert.deepEqual(changesIn(server), ["load a"]);
    assert.ok(eachMs / onceMs > 3.5);
    t.diagnostic(
      `${requests} in a row: ${onceMs} ms against ${eachMs} ms, ${(eachMs / onceMs).toFixed(1)} times as fast`,
    );
  }
  for (const requests of [5, 10, 20]) {
    const { clock, server, residency, acquire } = setUp({ loadMs });
    const leases = await runClock(clock, Promise.all(Array.from({ length: requests }, () => acquire("a"))));
    for (const lease of leases) lease.release();
    assert.deepEqual(changesIn(server), ["load a"]);
    assert.deepEqual(residency.statistics().hits, requests - 1);
  }
});

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });

test("a server that is silent keeps no model of another from being unloaded, and no room is made beside it", async () => {
  const clock = createFakeClock();
  const server = createModelMemory({ clock, freedAfterMs: 2000 });
  for (const model of ["a", "b"]) server.sizes.set(model, 6 * gb);
  let silence: ((signal: AbortSignal) => Promise<never>) | undefined;
  const other = {
    ...createModelMemory({ clock, origin: "http://127.0.0.1:1234" }),
    loaded: (signal: AbortSignal) => silence?.(signal) ?? Promise.resolve([]),
  };
  const residency = createResidency({ clock, servers: [other, server], usableBytes: () => 20 * gb });
  const acquire = (model: string, signal?: AbortSignal) =>
    residency.acquire({ server, model, sizeBytes: () => 6 * gb }, signal);
  for (const model of ["a", "b"]) {
    (await runClock(clock, acquire(model))).release();
    server.models.set(model, { model, sizeBytes: 6 * gb, expiresAtMs: clock.dateMs() + 30 * 60_000 });
  }
  silence = untilAborted;
  assert.equal(await runClock(clock, residency.unload(`${server.origin}\na`)), true);
  assert.deepEqual(namesIn(server), ["b"]);
  clock.advance(30 * 60_000);
  await runClock(clock, residency.unload("nobody's turn comes before"));
  assert.deepEqual(namesIn(server), []);
  assert.equal(residency.statistics().expired, 1);
  const fault = new Error("nobody answers");
  silence = () => Promise.reject(fault);
  await assert.rejects(runClock(clock, acquire("a")), fault);
  assert.deepEqual(namesIn(server), [], "nobody knows how much room there is");
});

test("a server that is silent hides no model of the others, and keeps what it told last", async () => {
  const { clock, server, use } = setUp();
  await use("a");
  const silent = createModelMemory({ clock, origin: "http://127.0.0.1:1234" });
  silent.models.set("theirs", { model: "theirs", sizeBytes: gb });
  let isSilent = false;
  const other = {
    ...silent,
    loaded: (signal: AbortSignal) => (isSilent ? untilAborted(signal) : silent.loaded(signal)),
  };
  const residency = createResidency({ clock, servers: [other, server], usableBytes: () => 20 * gb });
  const namesBy = async (signal: AbortSignal) => (await residency.list(signal)).map(({ model }) => model);
  assert.deepEqual(await namesBy(new AbortController().signal), ["theirs", "a"]);
  isSilent = true;
  await use("b");
  const late = new AbortController();
  const listing = namesBy(late.signal);
  late.abort();
  assert.deepEqual(await listing, ["theirs", "a", "b"]);
  const alone = createResidency({ clock, servers: [other], usableBytes: () => 20 * gb });
  const gone = new AbortController();
  const nobody = alone.list(gone.signal);
  gone.abort();
  await assert.rejects(nobody, { name: "AbortError" });
});
