import assert from "node:assert/strict";
import { test } from "node:test";
import { localFile } from "../../../src/hardware/localFile.ts";

test("a model's file on a disk here, and no share, pipe, device or name that does something in a terminal", () => {
  assert.equal(localFile("/models/a b.gguf"), "/models/a b.gguf");
  const hostile = [
    "//box/share/x.gguf",
    String.raw`\\box\share\x.gguf`,
    String.raw`\\.\pipe\x.gguf`,
    String.raw`\\?\UNC\box\share\x.gguf`,
    String.raw`/\box\share\x.gguf`,
    "/a\u001b[201~\nb.gguf",
    "/\u202Eb.gguf",
    "/a\u2028b.gguf",
  ];
  for (const told of [...hostile, "a.gguf", "/etc/passwd", "", 7, undefined]) assert.equal(localFile(told), undefined);
});
