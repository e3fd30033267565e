import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import type { Connection, WireHandler, WireRequest } from "./connection.ts";
import type { Connector, PendingConnection } from "./connector.ts";
import { createHttp2Connection } from "./http2.ts";
import { createHttp1Connection } from "./undici.ts";

/** Numbers about every connection since the client was made. */
export type TransportCounters = {
  /** Requests written to a socket. */
  requests: number;
  /** Connections that were made. */
  opened: number;
  /** Requests that found an open connection. */
  reused: number;
  /** Requests that wait now because every connection is taken. */
  queued: number;
  /** Connections that are open now. */
  openNow: number;
};

/** A place on a connection for one request. The first of `release` and `cancel` ends it. */
export type Lease = {
  /** Whether the connection was made for this request, so that the server cannot have closed it in the meantime. */
  readonly isFresh: boolean;
  send(request: WireRequest, handler: WireHandler): void;
  /** The answer is complete. */
  release(): void;
  /** The answer is not complete: an HTTP/2 stream is reset, an HTTP/1 socket is closed. */
  cancel(): void;
};

/** A request that wants a connection. */
export type Applicant = {
  /** Refuses connections that lay idle. */
  readonly isFresh: boolean;
  /** A connection is being made, for this request among others. */
  connecting(): void;
  ready(lease: Lease): void;
  /** No connection came about. */
  failed(error: Error): void;
};

/** The connections to one origin. */
export type Pool = {
  /**
   * Calls `ready` or `failed` once: at once if there is a connection with room, else when one was made or becomes free.
   * Disposing before that leaves the queue.
   */
  acquire(applicant: Applicant): Disposable;
  /** Makes a connection if none is idle or being made. */
  preconnect(): void;
  /** Takes notice of what an answer's head says about its connection. */
  answered(headers: Readonly<Record<string, string>>): void;
  /** How many wait because every connection is taken. */
  queued(): number;
  /** Closes all; resolves when every socket is closed. Nothing must be acquired afterwards. */
  close(): Promise<void>;
};

type PoolOptions = {
  readonly origin: string;
  /** Asked each time; when it has become less, idle connections beyond it are closed by the next request. */
  readonly connectionsMax: () => number;
  readonly connector: Connector;
  readonly offersHttp2: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: TransportCounters;
};

/** Idle sockets live this long unless the server announces less. */
const keepAliveMs = 60_000;

/** A connection that nobody waits for is given up after this time. */
const preconnectMs = 10_000;

/** The wall clock runs ahead of the monotonic one by so much only while the machine sleeps, or when it is set. */
const sleepMs = 30_000;

/** Two in a row are no accident: something on the way does not speak HTTP/2 well. */
const protocolErrorsMax = 2;

/** So many answers in a row after which the server closes the connection are its habit. */
const closingAnswersMax = 3;

type Member = {
  readonly connection: Connection;
  running: number;
  lastUse: number;
  lastUseMs: number;
};
type Opening = { readonly waiting: Set<Waiting>; stop(): void };
type Waiting = { readonly applicant: Applicant; opening: Opening | undefined };

/** undici takes 2 s off what a server announces, so that 2 s are none. */
const closesAfterwards = (headers: Readonly<Record<string, string>>): boolean =>
  /\bclose\b/i.test(headers["connection"] ?? "") || /\btimeout=[012]\b/i.test(headers["keep-alive"] ?? "");

/** Makes an empty pool; `close` ends it. */
export const createPool = (options: PoolOptions): Pool => {
  const { origin, connectionsMax, connector, clock, log, counters } = options;
  const { protocol, hostname, port } = new URL(origin);
  const isTls = protocol === "https:";
  const target = {
    protocol: isTls ? "https:" : "http:",
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (isTls ? 443 : 80) : Number(port),
  } as const;
  const sockets = new Set<Socket>();
  const members = new Set<Member>();
  const openings = new Set<Opening>();
  const queue = new Set<Waiting>();
  let offersHttp2 = options.offersHttp2 && isTls;
  /** How many requests may wait for one connection: as many as the last one took, all while that is unknown. */
  let sharersMax = offersHttp2 ? Number.POSITIVE_INFINITY : 1;
  let isClosed = false;
  let useCount = 0;
  let protocolErrors = 0;
  let closingAnswers = 0;
  let hasWarned = false;
  let aheadMs = clock.dateMs() - clock.nowMs();

  const drop = (member: Member): void => {
    members.delete(member);
    member.connection.destroy();
  };

  /** After a sleep the other ends are gone, and nothing tells so before a request has waited for its deadline. */
  const dropOutdated = (): void => {
    const nowMs = clock.nowMs();
    const newAheadMs = clock.dateMs() - nowMs;
    const hasSlept = newAheadMs - aheadMs > sleepMs;
    aheadMs = newAheadMs;
    for (const member of members) {
      const isOutdated = hasSlept || nowMs - member.lastUseMs > keepAliveMs;
      if (member.running === 0 && (isOutdated || members.size > connectionsMax())) drop(member);
    }
  };

  /** Last in, first out: a few connections stay warm, and the others reach their keep-alive limit. */
  const findRoom = (): Member | undefined => {
    let best: Member | undefined;
    for (const member of members) {
      if (member.running < member.connection.capacity() && (!best || member.lastUse >= best.lastUse)) best = member;
    }
    return best;
  };

  const serveSoon = (): void => {
    // Whoever calls may be inside a parser; the next request must not be written from in there.
    if (queue.size > 0) queueMicrotask(() => serve());
  };

  const lend = (member: Member, applicant: Applicant, isFresh: boolean): void => {
    const { connection } = member;
    let end: (() => void) | undefined;
    let isEnded = false;
    member.running++;
    member.lastUse = ++useCount;
    const giveBack = (): boolean => {
      if (isEnded) return false;
      isEnded = true;
      member.running--;
      member.lastUseMs = clock.nowMs();
      serveSoon();
      return true;
    };
    applicant.ready({
      isFresh,
      send(request, handler) {
        end = connection.send(request, handler);
      },
      release() {
        if (giveBack()) protocolErrors = 0;
      },
      cancel() {
        if (giveBack()) end?.();
      },
    });
  };

  const leave = (waiting: Waiting): void => {
    queue.delete(waiting);
    waiting.opening?.waiting.delete(waiting);
    waiting.opening = undefined;
  };

  /** Who waits gets, in order, what has room, or else a connection that is made, as far as the limit allows. */
  const serve = (newest?: Member): void => {
    if (isClosed) return;
    for (const waiting of queue) {
      const isFresh = newest !== undefined && newest.running < newest.connection.capacity();
      const member = isFresh ? newest : waiting.applicant.isFresh ? undefined : findRoom();
      if (member) {
        leave(waiting);
        lend(member, waiting.applicant, isFresh);
      } else if (!waiting.opening) openFor(waiting);
    }
  };

  const openFor = (waiting: Waiting): void => {
    const { isFresh } = waiting.applicant;
    for (const opening of openings) {
      if (opening.waiting.size < sharersMax) return wait(waiting, opening);
    }
    // A new HTTP/2 connection takes one request until the server has said how many.
    if (!isFresh && [...members].some(({ connection }) => connection.capacity() > 0 && !connection.isSettled())) return;
    if (members.size + openings.size >= connectionsMax()) {
      // Whoever refuses idle connections gets the place of one; no place may ever become free otherwise.
      const idle = isFresh ? [...members].find(({ running }) => running === 0) : undefined;
      if (!idle) return;
      drop(idle);
    }
    open(waiting);
  };

  const wait = (waiting: Waiting, opening: Opening): void => {
    opening.waiting.add(waiting);
    waiting.opening = opening;
    waiting.applicant.connecting();
  };

  const open = (first?: Waiting): void => {
    let pending: PendingConnection | undefined;
    const end = (): void => {
      timer?.dispose();
      openings.delete(opening);
    };
    const opening: Opening = {
      waiting: new Set(),
      stop() {
        end();
        pending?.destroy();
      },
    };
    const timer = first
      ? undefined
      : clock.after(preconnectMs, () => {
          if (opening.waiting.size === 0) opening.stop();
        });
    openings.add(opening);
    if (first) wait(first, opening);
    const alpn = offersHttp2 ? ["h2", "http/1.1"] : ["http/1.1"];
    pending = connector({ ...target, alpn }, (error, socket) => {
      end();
      const waiting = [...opening.waiting];
      if (socket && !error) {
        for (const each of waiting) each.opening = undefined;
        adopt(socket);
        return;
      }
      for (const each of waiting) leave(each);
      for (const each of waiting) each.applicant.failed(error ?? new Error("No connection came about"));
      serve();
    });
  };

  const adopt = (socket: Socket): void => {
    if (isClosed) {
      socket.destroy();
      return;
    }
    const isHttp2 = "alpnProtocol" in socket && socket.alpnProtocol === "h2";
    const connection = isHttp2
      ? createHttp2Connection({ origin, socket, keepAliveMs, clock, onSettled, onProtocolError })
      : createHttp1Connection(origin, socket, keepAliveMs);
    if (!isHttp2) sharersMax = 1;
    const member: Member = { connection, running: 0, lastUse: 0, lastUseMs: clock.nowMs() };
    counters.opened++;
    counters.openNow++;
    sockets.add(socket);
    members.add(member);
    socket.once("close", () => {
      counters.openNow--;
      sockets.delete(socket);
      members.delete(member);
      serveSoon();
    });
    serve(member);
  };

  const onSettled = (capacity: number): void => {
    sharersMax = capacity;
    serveSoon();
  };

  const onProtocolError = (): void => {
    protocolErrors++;
    if (protocolErrors < protocolErrorsMax || !offersHttp2) return;
    offersHttp2 = false;
    sharersMax = 1;
    log.info(`HTTP/2 fails with ${origin}: from now on HTTP/1 is spoken there`);
  };

  return {
    acquire(applicant) {
      dropOutdated();
      const member = applicant.isFresh ? undefined : findRoom();
      if (member) {
        lend(member, applicant, false);
        return { dispose() {} };
      }
      const waiting: Waiting = { applicant, opening: undefined };
      queue.add(waiting);
      openFor(waiting);
      return {
        dispose() {
          const { opening } = waiting;
          leave(waiting);
          if (!opening || !openings.has(opening) || opening.waiting.size > 0) return;
          for (const other of queue) if (!other.opening) return wait(other, opening);
          opening.stop();
        },
      };
    },
    preconnect() {
      dropOutdated();
      if (!isClosed && openings.size === 0 && members.size < connectionsMax() && !findRoom()) open();
    },
    answered(headers) {
      if (!closesAfterwards(headers)) {
        closingAnswers = 0;
        return;
      }
      closingAnswers++;
      if (closingAnswers < closingAnswersMax || hasWarned) return;
      hasWarned = true;
      log.warn(`${origin} closes the connection after each answer, so every request has to wait for a new one`);
    },
    queued() {
      let count = 0;
      for (const { opening } of queue) if (!opening) count++;
      return count;
    },
    async close() {
      isClosed = true;
      queue.clear();
      for (const opening of openings) opening.stop();
      const closed = [...sockets].map(
        (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
      );
      for (const member of members) drop(member);
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
};
