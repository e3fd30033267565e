import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { GgufError, readGgufHeader } from "../../../src/hardware/gguf.ts";
import { ggufHeader, ggufPieces } from "../../fake/ggufHeader.ts";

const { u32, u64, text } = ggufPieces;
let folder = "";
before(async () => void (folder = await mkdtemp(join(tmpdir(), "hotpath-gguf-"))));
after(() => rm(folder, { recursive: true }));

const read = async (bytes: Buffer) => {
  const path = join(folder, "model.gguf");
  await writeFile(path, bytes);
  return readGgufHeader(path);
};
const start = (tensors: number | bigint, values: number | bigint, ...rest: Buffer[]) =>
  Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors), u64(values), ...rest]);
const refused = (bytes: Buffer, kind: GgufError["kind"]) =>
  assert.rejects(read(bytes), (error) => error instanceof GgufError && error.kind === kind);

test("reads values and tensors, and only the length of a vocabulary", async () => {
  const { values, tensors, fileBytes } = await read(
    ggufHeader(
      {
        "general.architecture": "llama",
        "llama.block_count": 32,
        "tokenizer.ggml.tokens": { words: 150_000 },
        "tokenizer.chat_template": "x".repeat(600_000),
        "llama.attention.head_count_kv": [8, 0, 8],
        "tokenizer.ggml.add_bos_token": true,
      },
      [
        { name: "a", shape: [256, 4], type: 12 },
        { name: "b", shape: [32, 2, 3], type: 8 },
      ],
    ),
  );
  assert.equal(values.get("general.architecture"), "llama");
  assert.equal(values.get("llama.block_count"), 32);
  assert.deepEqual(values.get("tokenizer.ggml.tokens"), { length: 150_000 });
  assert.deepEqual(values.get("tokenizer.chat_template"), { length: 600_000 });
  assert.deepEqual(values.get("llama.attention.head_count_kv"), [8, 0, 8]);
  assert.equal(values.get("tokenizer.ggml.add_bos_token"), true);
  // Q4_K: 144 bytes for 256 values; Q8_0: 34 for 32.
  assert.deepEqual(
    tensors.map(({ name, values: count, bytes }) => [name, count, bytes]),
    [
      ["a", 1024, 4 * 144],
      ["b", 192, 6 * 34],
    ],
  );
  assert.ok(fileBytes > 600_000);
});

test("a tensor of a type that is not known reaches to the next one, or to the file's end", async () => {
  const alone = ggufHeader({ "general.alignment": 64 }, [{ name: "new", shape: [64], type: 999 }]);
  const padded = Buffer.concat([alone, Buffer.alloc(64 - (alone.length % 64)), Buffer.alloc(500)]);
  assert.equal((await read(padded)).tensors[0]?.bytes, 500);
  assert.equal((await read(alone)).tensors[0]?.bytes, 0);
  const { tensors } = await read(
    ggufHeader({}, [
      { name: "new", shape: [64], type: 999 },
      { name: "next", shape: [64] },
    ]),
  );
  assert.deepEqual(
    tensors.map(({ bytes }) => bytes),
    [4096, 256],
  );
});

test("a header that llama.cpp wrote the weights of is read without them", async () => {
  const path = fileURLToPath(new URL("../../fixtures/gguf/gpt-oss-tiny.gguf", import.meta.url));
  const { tensors, values } = await readGgufHeader(path);
  assert.equal(tensors.length, 79);
  assert.equal(
    tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    544_128,
  );
  assert.equal(values.get("gpt-oss.attention.sliding_window"), 128);
});

test("what is no GGUF file, or one of another version or byte order, is refused by kind", async () => {
  await refused(Buffer.from(""), "not-gguf");
  await refused(Buffer.from("GG"), "not-gguf");
  await refused(Buffer.from("PK\u0003\u0004 not a model at all"), "not-gguf");
  await refused(Buffer.concat([Buffer.from("GGUF"), u32(1), Buffer.alloc(16)]), "unsupported");
  await refused(Buffer.concat([Buffer.from("GGUF"), Buffer.from([0, 0, 0, 3]), Buffer.alloc(16)]), "unsupported");
});

test("a file that ends inside its header is refused wherever it ends", async () => {
  const whole = ggufHeader({ "general.architecture": "llama", "a.list": [1, 2], "a.words": { words: 3 } }, [
    { name: "weight", shape: [4, 4] },
  ]);
  assert.equal((await read(whole)).tensors.length, 1);
  for (let length = 4; length < whole.length; length += 7) await refused(whole.subarray(0, length), "truncated");
});

test("a hostile header costs neither memory nor time", async () => {
  const long = 2n ** 60n;
  await refused(start(0, 2n ** 40n), "damaged");
  await refused(start(2n ** 40n, 0), "damaged");
  await refused(start(0, 1, u64(long)), "damaged");
  await refused(start(0, 1, u64(5000), Buffer.alloc(5000)), "damaged");
  await refused(start(0, 1, text("key"), u32(8), u64(long)), "damaged");
  await refused(start(0, 1, text("key"), u32(8), u64(2 ** 40)), "truncated");
  await refused(start(0, 1, text("key"), u32(9), u32(8), u64(2 ** 50)), "truncated");
  await refused(start(0, 1, text("key"), u32(9), u32(4), u64(2 ** 50)), "truncated");
  await refused(start(0, 1, text("key"), u32(9), u32(9), u64(4)), "damaged");
  await refused(start(0, 1, text("key"), u32(77)), "damaged");
  await refused(start(1, 0, text("weight"), u32(1000)), "damaged");
  await refused(start(1, 0, text("weight"), u32(2), u64(2 ** 50), u64(2 ** 50), u32(0), u64(0)), "damaged");
  // Many values, each within its limit.
  const kept = Buffer.concat(
    Array.from({ length: 5000 }, () => Buffer.concat([text("k".repeat(1000)), u32(8), text("x".repeat(4000))])),
  );
  await refused(start(0, 5000, kept), "damaged");
});

test("a file that is not there is the file system's error", async () => {
  await assert.rejects(readGgufHeader(join(folder, "none.gguf")), { code: "ENOENT" });
});

test("a pipe in the place of a file keeps nobody waiting", { skip: process.platform === "win32" }, async () => {
  const pipe = join(folder, "pipe.gguf");
  execFileSync("mkfifo", [pipe]);
  await assert.rejects(readGgufHeader(pipe), (error) => error instanceof GgufError && error.kind === "not-gguf");
  await assert.rejects(readGgufHeader(folder), (error) => error instanceof GgufError && error.kind === "not-gguf");
});
