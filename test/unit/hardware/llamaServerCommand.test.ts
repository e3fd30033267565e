import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { suite, test } from "node:test";
import { advise, type Advice } from "../../../src/hardware/advice.ts";
import { findDevice, processorDevice } from "../../../src/hardware/devices.ts";
import { llamaServerCommand, quote } from "../../../src/hardware/llamaServerCommand.ts";
import { factsFromRow, findModel } from "../../../src/hardware/models.ts";

const gib = 1024 ** 3;
const card = findDevice("NVIDIA GeForce RTX 3080", 10 * gib)!;
const advised = (model: string, quantisation: "Q4_K_M" | "Q3_K_M", device = card): Advice & { readonly fits: true } => {
  const advice = advise(factsFromRow(findModel(model)!, quantisation), device);
  assert.ok(advice.fits);
  return advice;
};

suite("the exact command", () => {
  const seven = advised("Qwen2.5-Coder-7B", "Q4_K_M");

  test("from a repository", () => {
    const source = { repository: "bartowski/Qwen2.5-Coder-7B-Instruct-GGUF", quantisation: "Q4_K_M" };
    assert.equal(
      llamaServerCommand(source, seven, card, { shell: "posix" }),
      "llama-server -hf bartowski/Qwen2.5-Coder-7B-Instruct-GGUF:Q4_K_M -c 32768 -np 1 -ngl 99 --host 127.0.0.1 --port 8080",
    );
  });

  test("from a file with a name that a shell would take apart", () => {
    const file = "/home/o'neil/my models/$HOME `x`.gguf";
    assert.equal(
      llamaServerCommand({ file }, seven, card, { shell: "posix", port: 8081 }),
      String.raw`llama-server -m '/home/o'\''neil/my models/$HOME ` +
        "`x`.gguf' -c 32768 -np 1 -ngl 99 --host 127.0.0.1 --port 8081",
    );
  });

  test("in PowerShell", () => {
    const file = String.raw`C:\Users\O'Neil\models\a,b.gguf`;
    assert.equal(
      llamaServerCommand({ file }, seven, card, { shell: "powershell" }),
      String.raw`llama-server -m 'C:\Users\O''Neil\models\a,b.gguf' -c 32768 -np 1 -ngl 99 --host 127.0.0.1 --port 8080`,
    );
    const plain = String.raw`C:\models\coder-7b.gguf`;
    assert.ok(llamaServerCommand({ file: plain }, seven, card, { shell: "powershell" }).includes(`-m ${plain} -c`));
  });

  test("with an eight-bit cache where that is advised, which needs flash attention", () => {
    const phi = advised("Phi-4 14B", "Q3_K_M");
    const command = llamaServerCommand({ file: "/m.gguf" }, phi, card, { shell: "posix" });
    assert.match(command, / -np 1 -ngl 99 -fa on -ctk q8_0 -ctv q8_0 --host /);
  });

  test("on a processor no layer goes to a card", () => {
    const processor = processorDevice("A processor", 32 * gib);
    const advice = advised("Qwen2.5-Coder-7B", "Q4_K_M", processor);
    const command = llamaServerCommand({ file: "/m.gguf" }, advice, processor, { shell: "posix" });
    assert.equal(command, "llama-server -m /m.gguf -c 8192 -np 1 --host 127.0.0.1 --port 8080");
  });
});

const odd = [
  "",
  " ",
  "'",
  "''",
  '"',
  "a b",
  "$(id)",
  "`id`",
  "a\nb",
  "a\\b",
  "*",
  "~",
  "!x",
  "-x",
  "ü",
  "a;b&c|d<e>f#",
];

test("a shell hands every argument on as it was", { skip: process.platform === "win32" }, () => {
  for (const argument of odd) {
    const out = execFileSync("sh", ["-c", `printf '%s' ${quote(argument, "posix")}`], { encoding: "utf8" });
    assert.equal(out, argument);
  }
});

test("in PowerShell every quote is doubled, typographic ones too, and nothing else changes", () => {
  for (const argument of [...odd, "‘a’", "a,b", "@x", "%TEMP%"]) {
    const quoted = quote(argument, "powershell");
    const isBare = quoted === argument;
    assert.equal(isBare, /^[\w+=:./\\-]+$/.test(argument), argument);
    if (isBare) continue;
    const inside = quoted.slice(1, -1);
    assert.doesNotMatch(inside.replaceAll(/(['‘’‚‛])\1/g, ""), /['‘’‚‛]/);
    assert.equal(inside.replaceAll(/(['‘’‚‛])\1/g, "$1"), argument);
  }
});
