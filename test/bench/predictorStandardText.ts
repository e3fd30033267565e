// Builds the standard text of a family of languages: src/predictor/standard/FAMILY.bin, n-grams of public source text.
//   node test/bench/predictorStandardText.ts OUT EXTENSIONS MOST_UNITS_PER_PACKAGE FOLDER ...
// Each folder is an unpacked package. What is kept was seen in several of them: identifiers and tokens in three or more,
// a context five times or more, at most four of them in one package. No sentence of any source can be read back.
//   ecmascript.bin  .ts,.js,.mjs 1000000  npm: anthropic-ai/sdk 1.11, async 3.2, axios 1.21, babel (core, generator,
//     traverse) 7.29, bluebird 3.7, chalk 5.6, class-validator 0.15, commander 14.0, d3 (array 3.2, scale 4.0, shape 3.2),
//     date-fns 4.4, eslint 10.15, ethers 6.17, execa 9.6, express 5.3, fastify 5.12, fp-ts 2.16, got 14.6, hapi 21.4,
//     immer 11.2, inversify 8.2, io-ts 2.2, jest (circus, runtime) 30.5, knex 3.3, koa 3.3, lodash 4.18, mobx 7.1,
//     mocha 12.0, mongoose 9.12, msw 2.15, noble (curves, hashes) 2.4, nodemailer 10.6, octokit/core 7.0, openai 6.49,
//     ora 9.4, p-queue 9.3, passport 0.7, pino 10.4, preact 11.2, react-router 7.18, remix-run/router 1.23, sequelize 6.37,
//     socket.io 4.8, superagent 10.4, svelte 5.57, tanstack (query-core 5.108, router-core 1.171, table-core 9.3),
//     three 0.187, trpc (client, server) 11.25, ts-pattern 5.9, tsyringe 4.10, typeorm 1.1, webpack 5.112, ws 8.23,
//     yargs 18.2. Licences: MIT, MIT-0, ISC, Apache-2.0 (anthropic-ai/sdk, openai), BSD-3-Clause (hapi).
//   python.bin  .py 3000000  Debian 12, python3-: aiohttp, click, flask, jinja2, pandas, pip, requests, setuptools,
//     sqlalchemy, tornado, twisted, werkzeug. Licences: MIT, BSD-3-Clause, Apache-2.0.
//   go.bin  .go 1000000  Debian 12: golang-1.19-src, each folder of its library as a package, and
//     golang-github-sirupsen-logrus-dev. Licences: BSD-3-Clause, MIT.
//   rust.bin  .rs 1000000  Debian 12, librust-...-dev: anyhow, bytes, cargo, chrono, clap, crossbeam-utils, env-logger,
//     futures-util, gimli, git2, h2, hashbrown, hyper, ignore, image, indexmap, itertools, mio, nom, num-bigint, object,
//     petgraph, rand, rayon, reqwest, rustls, serde, serde-json, syn, thiserror, toml, tracing, url, walkdir.
//     Licences: MIT or Apache-2.0.
//   java.bin  .java 1000000  Debian 12, sources of ant, apache-log4j2, commons-math3, commons-pool2, guava-libraries, hikaricp,
//     httpcomponents-client, httpcomponents-core, jackson-core, jackson-databind, jsoup, libcommons-codec-java,
//     libcommons-collections4-java, libcommons-net-java, libjoda-time-java, libokhttp-java, libslf4j-java, libspring-java,
//     maven, mina2, mockito, netty, okio, picocli, testng, tomcat10, zookeeper.
//     Licences: Apache-2.0, MIT (jsoup, libslf4j-java, mockito).
// Left out: what the benches are run on.
import fs from "node:fs";
import path from "node:path";
import {
  fingerprint,
  hashStandardContext,
  lexemeHash,
  lexemeStart,
  standardOrders,
} from "../../src/predictor/standardContext.ts";
import { createTokenBuffer, createVocabulary, isBreak, tokenGap, tokenId } from "../../src/predictor/vocabulary.ts";
import { packStandardText, type Candidate } from "./predictorStandardFile.ts";

const [out = "", extensions = "", unitsPerPackage = "", ...folders] = process.argv.slice(2);
if (folders.length < 3) {
  console.error("usage: node predictorStandardText.ts OUT EXTENSIONS MOST_UNITS_PER_PACKAGE FOLDER FOLDER FOLDER ...");
  process.exit(2);
}

const mostContexts = 48_000;
const mostWords = 3000;
const mostTargets = 4000;
const leastPackages = 3;
const leastPlaces = 5;
const placesOfPackage = 4;
/** What one package says about a context, or uses of a word, weighs as much as so many places at most. */
const weightOfPackage = 60;
const usesOfPackage = 20;
const discount = 0.75;
/** The chance of what was never counted. */
const unseen = 1 / 5000;
/** Only what is shown gains anything: a text is not shown for less. */
const leastUseful = 0.07;
/** Targets are packed with contexts into one number for sorting. */
const targetRoom = 8192;
/** How many tokens before a place its context is read from. */
const windowTokens = 64;

const isSource = (name: string): boolean =>
  extensions.split(",").some((end) => name.endsWith(end)) &&
  !name.endsWith(".d.ts") &&
  !/\.min\.|\.umd\.|bundle|vendor/.test(name);

const headComment = /^(?:\s*\/\*[\s\S]*?\*\/|\s*\/\/[^\n]*\n)+\s*/;

const readTexts = (root: string): string[] => {
  const files = fs
    .readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter(isSource)
    .map((name) => path.join(root, name))
    .filter((file) => {
      const stats = fs.lstatSync(file);
      return stats.isFile() && stats.size > 600 && stats.size < 200_000;
    })
    .toSorted();
  // Built copies of the same source would count twice.
  const seen = new Set<string>();
  const texts: string[] = [];
  for (const file of files) {
    // Licences stand at the head of every file, and would fill the room for contexts.
    const text = fs.readFileSync(file, "utf8").replace(headComment, "");
    if (/\r|sourceMappingURL/.test(text) || text.length / text.split("\n").length > 80) continue;
    const kind = path.basename(file) + Math.round(text.length / 200);
    if (!seen.has(kind)) texts.push(text);
    seen.add(kind);
  }
  const kept = Math.min(1, Number(unitsPerPackage) / texts.reduce((sum, text) => sum + text.length, 0));
  let share = 0;
  return texts.filter(() => {
    share += kept;
    if (share < 1) return false;
    share--;
    return true;
  });
};

const vocabulary = createVocabulary();
const buffer = createTokenBuffer();
const packages = folders
  .map((folder) => {
    const tokens: number[] = [];
    for (const text of readTexts(folder)) {
      vocabulary.tokenize(text, 0, text.length, true, buffer);
      tokens.push(0, ...buffer.tokens.subarray(0, buffer.length));
    }
    return Int32Array.from(tokens);
  })
  .filter((tokens) => tokens.length > 0);
console.error(`${packages.length} packages, ${packages.reduce((sum, { length }) => sum + length, 0)} tokens`);

/** The keys that at least three packages use, the most used first. */
const mostUsed = (keysOf: (tokens: Int32Array) => Iterable<number>, most: number): [key: number, uses: number][] => {
  const uses = new Map<number, number>();
  const spread = new Map<number, number>();
  for (const tokens of packages) {
    const own = new Map<number, number>();
    for (const key of keysOf(tokens)) own.set(key, (own.get(key) ?? 0) + 1);
    for (const [key, count] of own) {
      uses.set(key, (uses.get(key) ?? 0) + Math.min(count, usesOfPackage));
      spread.set(key, (spread.get(key) ?? 0) + 1);
    }
  }
  return [...uses]
    .filter(([key]) => spread.get(key)! >= leastPackages)
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, most);
};

const wordTexts = new Map<number, string>();
const words = mostUsed(function* (tokens) {
  for (let end = tokens.length; end > 1;) {
    const start = lexemeStart(vocabulary, tokens, end);
    if (vocabulary.isWord(tokenId(tokens[start]!))) {
      const hash = lexemeHash(vocabulary.hashes(), tokens, start, end);
      if (!wordTexts.has(hash)) {
        const parts = Array.from(tokens.subarray(start, end), (token) => vocabulary.textOf(tokenId(token)));
        wordTexts.set(hash, parts.join(""));
      }
      yield hash;
    }
    end = start;
  }
}, mostWords).map(([hash]) => hash);
const frequent = new Set(words);

const allTargets = mostUsed((tokens) => tokens.filter((token) => token !== 0), Infinity);
const allUses = allTargets.reduce((sum, [, uses]) => sum + uses, 0);
const targets = allTargets
  .filter(([token]) => isBreak(token) || (tokenGap(token) < 3 && vocabulary.textOf(tokenId(token)) !== ""))
  .slice(0, mostTargets);
const targetOf = new Map(targets.map(([token], i) => [token, i + 1]));
const unigrams = [0, ...targets.map(([, uses]) => uses / allUses)];

// By package, and for each place in it: the hashes of its contexts, and how many it has.
const contexts = packages.map((tokens) => {
  const depths = new Uint8Array(tokens.length);
  const hashes = Array.from({ length: standardOrders }, () => new Int32Array(tokens.length));
  const own = new Int32Array(standardOrders);
  for (let at = 1; at < tokens.length; at++) {
    if (tokens[at] === 0) continue;
    const from = Math.max(0, at - windowTokens);
    const isFrequent = (hash: number): boolean => frequent.has(hash);
    depths[at] = hashStandardContext(vocabulary, tokens.subarray(from), at - from, isFrequent, own);
    for (let order = 0; order < depths[at]!; order++) hashes[order]![at] = own[order]!;
  }
  return { depths, hashes };
});

type Context = { parent: number; total: number; readonly counts: Map<number, number> };
type Entry = { readonly order: number; readonly hash: number; readonly candidates: Candidate[]; readonly gain: number };

/** Stretches of equal contexts in a sorted list of (context, target). */
const runsOf = function* (sorted: Float64Array): Generator<{ hash: number; from: number; to: number }> {
  for (let from = 0; from < sorted.length;) {
    const hash = Math.floor(sorted[from]! / targetRoom);
    let to = from;
    while (to < sorted.length && Math.floor(sorted[to]! / targetRoom) === hash) to++;
    yield { hash: hash | 0, from, to };
    from = to;
  }
};

const count = (order: number): Map<number, Context> => {
  const lists = packages.map((tokens, p) => {
    const { depths, hashes } = contexts[p]!;
    const own = hashes[order - 1]!;
    const pairs: number[] = [];
    for (let at = 0; at < tokens.length; at++)
      if (depths[at]! >= order) pairs.push((own[at]! >>> 0) * targetRoom + (targetOf.get(tokens[at]!) ?? 0));
    return Float64Array.from(pairs).toSorted();
  });
  const places = new Map<number, number>();
  for (const list of lists)
    for (const { hash, from, to } of runsOf(list))
      places.set(hash, (places.get(hash) ?? 0) + Math.min(to - from, placesOfPackage));
  const counted = new Map<number, Context>();
  for (const [hash, seen] of places)
    if (seen >= leastPlaces) counted.set(hash, { parent: 0, total: 0, counts: new Map() });
  for (const list of lists) {
    for (const { hash, from, to } of runsOf(list)) {
      const context = counted.get(hash);
      if (!context) continue;
      const weight = Math.min(1, weightOfPackage / (to - from));
      context.total += weight * (to - from);
      for (let i = from; i < to; i++) {
        const target = list[i]! % targetRoom;
        context.counts.set(target, (context.counts.get(target) ?? 0) + weight);
      }
    }
  }
  if (order === 1) return counted;
  for (const { depths, hashes } of contexts) {
    for (let at = 0; at < depths.length; at++) {
      const context = depths[at]! >= order ? counted.get(hashes[order - 1]![at]!) : undefined;
      if (context) context.parent = hashes[order - 2]![at]!;
    }
  }
  return counted;
};

const entries: Entry[] = [];
let shorter = new Map<number, Map<number, number>>();
for (let order = 1; order <= standardOrders; order++) {
  const isShort = order <= 2;
  const chances = new Map<number, Map<number, number>>();
  for (const [hash, { parent, total, counts }] of count(order)) {
    // Absolute discounting: what is taken from the counted ones goes to the shorter context.
    let taken = 0;
    for (const uses of counts.values()) taken += Math.min(discount, uses);
    const own = new Map<number, number>();
    let gain = 0;
    for (const [target, uses] of counts) {
      if (target === 0) continue;
      const without = order === 1 ? unigrams[target]! : (shorter.get(parent)?.get(target) ?? unseen);
      const chance = Math.max(0, uses - discount) / total + (taken / total) * without;
      own.set(target, chance);
      if (chance > leastUseful) gain += uses * Math.max(0, Math.log2(chance / without));
    }
    chances.set(hash, own);
    const candidates = [...own]
      .map(([target, chance]) => ({ target, chance }))
      .toSorted((a, b) => b.chance - a.chance)
      .slice(0, isShort ? 8 : 3)
      .filter(({ chance }) => chance >= (isShort ? 0.02 : 0.06));
    if (candidates.length > 0 && gain > 0) entries.push({ order, hash, candidates, gain });
  }
  shorter = chances;
  console.error(`order ${order}: ${entries.length} contexts`);
}

const kept = new Map<number, readonly Candidate[]>();
for (const { order, hash, candidates } of entries.toSorted((a, b) => b.gain - a.gain)) {
  if (kept.size === mostContexts) break;
  const print = fingerprint(hash, order);
  if (!kept.has(print)) kept.set(print, candidates);
}
const file = packStandardText({
  words: words.map((hash) => wordTexts.get(hash)!),
  targets: targets.map(([token], i) => ({
    text: isBreak(token) ? "" : vocabulary.textOf(tokenId(token)),
    kind: isBreak(token) ? tokenId(token) : tokenGap(token),
    chance: unigrams[i + 1]!,
  })),
  contexts: kept,
});
fs.mkdirSync(path.dirname(out), { recursive: true });
fs.writeFileSync(out, file);
console.error(`${kept.size} contexts, ${file.length} bytes`);
