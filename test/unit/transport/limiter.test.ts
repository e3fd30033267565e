import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { createLimiter, type Limiter, type Permit, type Priority } from "../../../src/transport/limiter.ts";
import { createEventClock, createRandom, createSimulatedServer, type Manner } from "../../bench/limiterServers.ts";
import { createFakeClock, type FakeClock } from "../../fake/clock.ts";

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

const ok = { result: "ok", firstTokenMs: 100, promptTokens: 100, generatedTokens: 10, totalMs: 200 } as const;

/** A limiter whose starts are written down, oldest first. */
const createHarness = (
  options: { initialLimit: number; minLimit?: number; maxLimit?: number; isFixed?: boolean },
  clock: FakeClock = createFakeClock(),
) => {
  const { isFixed = false, ...limits } = options;
  const fixed = isFixed ? { minLimit: options.initialLimit, maxLimit: options.initialLimit } : {};
  const limiter = createLimiter({ clock, random: () => 0.5, ...limits, ...fixed });
  const started: string[] = [];
  const permits = new Map<string, Permit>();
  const ask = async (name: string, priority: Priority, signal?: AbortSignal): Promise<void> => {
    const permit = await limiter.acquire(priority, signal);
    started.push(name);
    permits.set(name, permit);
  };
  const end = async (name: string): Promise<void> => {
    permits.get(name)!.release({ result: "neutral" });
    await settle();
  };
  return { clock, limiter, started, permits, ask, end };
};

const hold = async (limiter: Limiter, priority: Priority, count: number): Promise<readonly Permit[]> => {
  const permits: Permit[] = [];
  for (let index = 0; index < count; index++) void limiter.acquire(priority).then((permit) => permits.push(permit));
  await settle();
  return permits;
};

test("who waits goes by priority, and first come first served within one", async () => {
  const { ask, end, started } = createHarness({ initialLimit: 1, isFixed: true });
  void ask("first", "chat");
  void ask("speculation", "speculation");
  void ask("background 1", "background");
  void ask("chat", "chat");
  void ask("background 2", "background");
  void ask("interactive 1", "interactive");
  void ask("interactive 2", "interactive");
  await settle();
  const order = ["first", "interactive 1", "interactive 2", "chat", "background 1", "background 2", "speculation"];
  for (const name of order) {
    assert.equal(started.at(-1), name);
    await end(name);
  }
  assert.deepEqual(started, order);
});

test("a running speculation gives its place back as soon as anybody else wants one, and not before", async () => {
  for (const priority of ["interactive", "chat", "background"] as const) {
    const { ask, limiter, permits, started } = createHarness({ initialLimit: 1, isFixed: true });
    void ask("first", "speculation");
    void ask("second", "speculation");
    await settle();
    const first = permits.get("first")!;
    const { wanted } = first;
    assert.equal(wanted?.aborted, false);
    wanted.addEventListener("abort", () => first.release({ result: "neutral" }));
    void ask("real", priority);
    await settle();
    assert.equal(wanted.aborted, true);
    assert.deepEqual(started, ["first", "real"]);
    assert.equal(permits.get("real")!.wanted, undefined);
    assert.equal(limiter.running, 1);
  }
});

test("a speculation keeps its place where there is one for everybody", async () => {
  const { ask, permits } = createHarness({ initialLimit: 3, isFixed: true });
  void ask("ahead", "speculation");
  void ask("chat", "chat");
  await settle();
  assert.equal(permits.size, 2);
  assert.equal(permits.get("ahead")!.wanted?.aborted, false);
});

for (const priority of ["background", "speculation"] as const) {
  test(`${priority} leaves one place free for somebody who waits for the answer`, async () => {
    const { limiter, ask, started } = createHarness({ initialLimit: 4 });
    await hold(limiter, priority, 50);
    assert.deepEqual([limiter.running, limiter.queued], [3, 47]);
    void ask("interactive", "interactive");
    await settle();
    assert.deepEqual([started, limiter.running], [["interactive"], 4]);
    void ask("next", "interactive");
    await settle();
    assert.deepEqual(started, ["interactive"]);
  });
}

test("with one place background work takes it, and one interactive request is sent beyond it", async () => {
  const { limiter, ask, end, started } = createHarness({ initialLimit: 1 });
  void ask("background", "background");
  void ask("chat", "chat");
  void ask("interactive 1", "interactive");
  void ask("interactive 2", "interactive");
  await settle();
  assert.deepEqual([started, limiter.running], [["background", "interactive 1"], 2]);
  await end("background");
  assert.deepEqual(started, ["background", "interactive 1"]);
  await end("interactive 1");
  assert.deepEqual(started, ["background", "interactive 1", "interactive 2"]);
});

test("nothing is sent beyond the limit of a server that has refused requests", async () => {
  const { limiter, ask, started } = createHarness({ initialLimit: 1 });
  const [permit] = await hold(limiter, "chat", 1);
  permit!.release({ result: "overloaded" });
  void ask("background", "background");
  void ask("interactive", "interactive");
  await settle();
  assert.deepEqual(started, ["background"]);
});

test("a chat that has waited for two seconds gets every second place", async () => {
  const { clock, ask, end, started } = createHarness({ initialLimit: 1, isFixed: true });
  for (const name of ["a", "b", "c", "d"]) void ask(name, "interactive");
  void ask("chat 1", "chat");
  void ask("chat 2", "chat");
  await settle();
  clock.advance(1999);
  await end("a");
  assert.equal(started.at(-1), "b");
  clock.advance(1);
  for (const name of ["b", "chat 1", "c", "chat 2"]) await end(name);
  assert.deepEqual(started, ["a", "b", "chat 1", "c", "chat 2", "d"]);
});

test("during a pause nothing starts; afterwards one after the other", async () => {
  const { clock, limiter, ask, started } = createHarness({ initialLimit: 8 });
  limiter.pause(2000);
  for (const name of ["a", "b", "c"]) void ask(name, "interactive");
  await settle();
  assert.equal(limiter.pausedMs(), 2000);
  clock.advance(2000);
  await settle();
  assert.deepEqual([started, limiter.pausedMs()], [[], 0]);
  const startsMs: number[] = [];
  for (let count = 0; count < 100; count++) {
    clock.advance(10);
    await settle();
    while (startsMs.length < started.length) startsMs.push(clock.nowMs());
  }
  // Half of the longest wait each, as the random numbers are 0.5.
  assert.deepEqual(startsMs, [2050, 2150, 2250]);
  assert.deepEqual(clock.pending(), []);
});

test("a pause that is ended early holds nobody back, and those who waited start one after the other", async () => {
  const { clock, limiter, ask, started } = createHarness({ initialLimit: 8 });
  limiter.pause(3_600_000);
  for (const name of ["a", "b"]) void ask(name, "interactive");
  await settle();
  limiter.resume();
  await settle();
  assert.deepEqual([started, limiter.pausedMs()], [["a"], 0]);
  clock.advance(100);
  await settle();
  assert.deepEqual(started, ["a", "b"]);
  assert.deepEqual(clock.pending(), []);
  limiter.pause(1_000);
  assert.equal(limiter.pausedMs(), 1_000, "a later pause holds");
});

test("those who come back just after a pause do not start together either", async () => {
  const { clock, limiter, ask, started } = createHarness({ initialLimit: 8 });
  limiter.pause(2000);
  clock.advance(2100);
  for (const name of ["a", "b", "c"]) void ask(name, "chat");
  await settle();
  assert.deepEqual(started, ["a"]);
  clock.advance(100);
  await settle();
  assert.deepEqual(started, ["a", "b"]);
  clock.advance(3000);
  await settle();
  for (const name of ["d", "e"]) void ask(name, "chat");
  await settle();
  assert.deepEqual(started, ["a", "b", "c", "d", "e"]);
});

test("once those whom a pause held back have started, a queue that never empties is not slowed down", async () => {
  const { clock, limiter, ask, end, started } = createHarness({ initialLimit: 4, isFixed: true });
  limiter.pause(2000);
  for (const name of ["a", "b", "c", "d"]) void ask(name, "chat");
  clock.advance(2000 + 4 * 150);
  await settle();
  assert.deepEqual(started, ["a", "b", "c", "d"]);
  for (const name of ["e", "f", "g", "h", "i"]) void ask(name, "chat");
  clock.advance(1000);
  await settle();
  for (const name of ["a", "b", "c", "d"]) await end(name);
  assert.deepEqual(started, ["a", "b", "c", "d", "e", "f", "g", "h"]);
});

test("the longest pause holds", async () => {
  const { clock, limiter, ask, started } = createHarness({ initialLimit: 8 });
  void ask("a", "chat");
  limiter.pause(5000);
  void ask("b", "chat");
  limiter.pause(1000);
  clock.advance(4000);
  await settle();
  assert.deepEqual([started, limiter.pausedMs()], [["a"], 1000]);
  limiter.pause(3000);
  clock.advance(2999);
  await settle();
  assert.deepEqual(started, ["a"]);
  clock.advance(51);
  await settle();
  assert.deepEqual(started, ["a", "b"]);
});

test("a pause without anybody waiting, or one that is over for those who do, needs no timer", async () => {
  const { clock, limiter, ask } = createHarness({ initialLimit: 1, isFixed: true });
  limiter.pause(5000);
  assert.deepEqual(clock.pending(), []);
  const leaving = new AbortController();
  const asked = ask("a", "chat", leaving.signal);
  assert.deepEqual(clock.pending(), [5050]);
  leaving.abort();
  await assert.rejects(asked, { name: "AbortError" });
  assert.deepEqual([clock.pending(), limiter.queued], [[], 0]);
});

test("who leaves the queue is rejected at once and holds nobody up", async () => {
  const { limiter, ask, end, started } = createHarness({ initialLimit: 1, isFixed: true });
  void ask("a", "chat");
  const leaving = new AbortController();
  const asked = ask("b", "chat", leaving.signal);
  void ask("c", "chat");
  leaving.abort();
  await assert.rejects(asked, { name: "AbortError" });
  assert.equal(limiter.queued, 1);
  await end("a");
  assert.deepEqual([started, limiter.running], [["a", "c"], 1]);
});

test("a signal that has fired already asks for nothing, and one that fires later takes nothing back", async () => {
  const { limiter, ask, started } = createHarness({ initialLimit: 1, isFixed: true });
  await assert.rejects(limiter.acquire("chat", AbortSignal.abort()), { name: "AbortError" });
  assert.deepEqual([limiter.running, limiter.queued], [0, 0]);
  const leaving = new AbortController();
  await ask("a", "chat", leaving.signal);
  assert.equal(getEventListeners(leaving.signal, "abort").length, 0);
  leaving.abort();
  assert.deepEqual([started, limiter.running], [["a"], 1]);
});

test("a place is given back once", async () => {
  const { limiter } = createHarness({ initialLimit: 4 });
  const [permit] = await hold(limiter, "chat", 2);
  permit!.release(ok);
  permit!.release(ok);
  assert.equal(limiter.running, 1);
});

test("twenty refusals at once halve the limit once, the next one later halves it again", async () => {
  const { limiter } = createHarness({ initialLimit: 20 });
  const refused = await hold(limiter, "chat", 20);
  for (const permit of refused) permit.release({ result: "overloaded" });
  assert.equal(limiter.limit, 10);
  const [permit] = await hold(limiter, "chat", 10);
  permit!.release({ result: "overloaded" });
  assert.equal(limiter.limit, 5);
});

test("a refusal counts from what was under way, and never goes below the least", async () => {
  const { limiter } = createHarness({ initialLimit: 64, minLimit: 2 });
  const permits = await hold(limiter, "chat", 6);
  for (const permit of permits) permit.release({ result: "overloaded" });
  assert.equal(limiter.limit, 3);
  const [permit] = await hold(limiter, "chat", 1);
  permit!.release({ result: "overloaded" });
  assert.equal(limiter.limit, 2);
});

test("what the server tells of its slots is where the limit starts anew, unless it was told before", async () => {
  const { limiter, started, ask } = createHarness({ initialLimit: 1 });
  void ask("a", "chat");
  void ask("b", "chat");
  await settle();
  assert.deepEqual(started, ["a"]);
  limiter.setSlots(4);
  await settle();
  assert.deepEqual([limiter.limit, started], [4, ["a", "b"]]);
  const permits = await hold(limiter, "chat", 2);
  permits[0]!.release({ result: "overloaded" });
  assert.equal(limiter.limit, 2);
  limiter.setSlots(4);
  assert.equal(limiter.limit, 2);
  limiter.setSlots(100);
  assert.equal(limiter.limit, 64);
});

/** Callers that always have a next request: the limit after each answer. */
const flood = async (
  manner: Manner,
  options: { initialLimit: number; total?: number; callers?: number; changeTo?: number; priority?: Priority },
): Promise<readonly number[]> => {
  const { initialLimit, total = 150, callers = 30, changeTo = 4, priority = "chat" } = options;
  const clock = createEventClock();
  const random = createRandom(1);
  const server = createSimulatedServer(clock, manner, { slots: 4, noise: 0.1, random });
  const limiter = createLimiter({ clock, random, initialLimit });
  const limits: number[] = [];
  const call = async (): Promise<void> => {
    while (limits.length < total) {
      const job = { promptTokens: 100 + 1000 * random(), generatedTokens: Math.ceil(20 + 100 * random()) };
      const permit = await limiter.acquire(priority);
      const startMs = clock.nowMs();
      let firstTokenMs = 0;
      const isAnswered = await new Promise<boolean>((resolve) =>
        server.send(job, {
          refused: () => resolve(false),
          firstToken() {
            firstTokenMs = clock.nowMs() - startMs;
          },
          done: () => resolve(true),
        }),
      );
      permit.release(isAnswered ? { result: "ok", firstTokenMs, ...job } : { result: "overloaded" });
      if (isAnswered) limits.push(limiter.limit);
      else await new Promise<void>((resolve) => void clock.after(200 + 200 * random(), resolve));
      if (limits.length === 100) server.slots = changeTo;
    }
  };
  for (let caller = 0; caller < callers; caller++) void call();
  await settle();
  while (limits.length < total && clock.step()) await settle();
  return limits;
};

for (const manner of ["queue", "slow", "slow-tokens", "collapse", "batch", "refuse"] as const) {
  for (const initialLimit of [1, 4, 8]) {
    test(`from ${initialLimit} it finds and follows a server of four slots that does "${manner}" beyond`, async () => {
      const limits = await flood(manner, { initialLimit, changeTo: 2 });
      assert.ok(Math.abs(limits[49]! - 4) <= 1, `limit ${limits[49]} after 50 requests: ${limits.join(" ")}`);
      assert.ok(Math.abs(limits[129]! - 2) <= 1, `limit ${limits[129]} 30 requests later: ${limits.join(" ")}`);
    });
  }
}

test("it grows while a server has room and more wait", async () => {
  const limits = await flood("open", { initialLimit: 8, total: 600, callers: 100 });
  assert.ok(limits.at(-1)! >= 48, limits.join(" "));
});

test("it stays where it is while nobody waits", async () => {
  const limits = await flood("open", { initialLimit: 8, callers: 3 });
  assert.deepEqual([...new Set(limits)], [8]);
});

test("background work alone finds the slots, too", async () => {
  const limits = await flood("queue", { initialLimit: 1, priority: "background" });
  assert.ok(
    limits.slice(60).every((limit) => limit >= 3 && limit <= 6),
    limits.join(" "),
  );
});

test("background work does not try the server's last place while somebody types", async () => {
  const { clock, limiter } = createHarness({ initialLimit: 1 });
  const [typed] = await hold(limiter, "interactive", 1);
  typed!.release({ result: "neutral" });
  const work = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const [permit] = await hold(limiter, "background", 1);
      const [waiting] = [hold(limiter, "background", 1)];
      clock.advance(200);
      permit!.release(ok);
      const [next] = await waiting;
      next!.release({ result: "neutral" });
    }
  };
  await work(20);
  assert.equal(limiter.limit, 1);
  clock.advance(10_000);
  await work(4);
  assert.equal(limiter.limit, 2);
});
