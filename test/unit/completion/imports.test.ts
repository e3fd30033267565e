import assert from "node:assert/strict";
import { test } from "node:test";
import { importTargets } from "../../../src/completion/imports.ts";
import { outline } from "../../../src/completion/outline.ts";
import { isSecretLike } from "../../../src/base/secretFiles.ts";

/** One line a target: does it try this path, and which names does it take? */
const includes = (languageId: string, text: string, path: string, names: readonly string[] = []) => {
  const found = importTargets(text, languageId).find(({ paths }) => paths.includes(path));
  assert.ok(found, `${text} does not lead to ${path}: ${JSON.stringify(importTargets(text, languageId))}`);
  assert.deepEqual(found.names, names, text);
};

test("TypeScript and JavaScript", () => {
  includes("typescript", 'import { a, type B as C } from "./x.ts";', "./x.ts", ["a", "B", "C"]);
  includes("typescript", 'import {\n  a,\n  b,\n} from "../lib/x.js";', "../lib/x.ts", ["a", "b"]);
  includes("typescriptreact", "import Button from './Button'", "./Button.tsx", ["Button"]);
  includes("javascript", 'const { a, b } = require("./x");', "./x.js", ["a", "b"]);
  includes("javascript", 'const x = await import("./dir");', "./dir/index.js", ["x"]);
  includes("typescript", 'export * from "./all";', "./all.ts", []);
  assert.deepEqual(importTargets('import fs from "node:fs"; import x from "pkg/x";', "typescript"), []);
  assert.equal(importTargets('import { a } from "./x"; import { b } from "./x";', "typescript").length, 1);
});

test("Python", () => {
  includes("python", "from .models import User, Group as G", "./models.py", ["User", "Group", "G"]);
  includes("python", "from ..core.db import (\n    connect,\n    Pool,\n)", "../core/db.py", ["connect", "Pool"]);
  includes("python", "from . import util", "./util.py", ["util"]);
  includes("python", "from app.views import index", "/app/views.py", ["index"]);
  includes("python", "import app.models", "/src/app/models/__init__.py", []);
});

test("Go, C and Rust", () => {
  includes("go", 'import (\n\t"fmt"\n\tst "github.com/u/r/internal/store"\n)', "/internal/store/store.go");
  includes("go", 'import "example.com/m/conf"', "/conf/conf.go");
  includes("c", '#include <stdio.h>\n#include "list.h"', "list.h");
  includes("cpp", '  #  include "net/socket.hpp"', "/include/net/socket.hpp");
  includes("rust", "pub(crate) mod parser;", "parser/mod.rs");
  includes("rust", "use crate::ast::{Node, Kind};", "/src/ast.rs", ["Node", "Kind", "ast"]);
  includes("rust", "use crate::ast::Node;", "/src/ast.rs", ["Node"]);
});

test("other languages, and text that is no import, lead nowhere", () => {
  assert.deepEqual(importTargets('import { a } from "./x";', "plaintext"), []);
  assert.deepEqual(importTargets("const text = 'from here';", "typescript"), []);
});

test("a hostile text takes no time", () => {
  const startMs = performance.now();
  for (const language of ["typescript", "python", "go", "c", "rust"]) {
    for (const bait of [
      "import ",
      "import {",
      "from a import (",
      "const x = ",
      "use crate::a::{",
      "# include ",
      "((",
    ]) {
      importTargets(bait.repeat(20_000 / bait.length), language);
    }
  }
  assert.ok(performance.now() - startMs < 2000, `${performance.now() - startMs} ms`);
});

test("an outline has the declarations, without imports and long bodies", () => {
  const body = Array.from({ length: 20 }, (_, n) => `  step(${n});`).join("\n");
  const text = `import { x } from "./x.ts";\n\n/** Doc. */\nexport type A = {\n  b: number;\n};\n\nconst f = () => {\n${body}\n};\n`;
  assert.equal(
    outline(text, [], 1000),
    ["export type A = {", "  b: number;", "};", "const f = () => {"]
      .concat([0, 1, 2, 3, 4, 5, 6].map((n) => `  step(${n});`))
      .concat("};")
      .join("\n"),
  );
});

test("what the importer names comes first when there is little room", () => {
  const text = "export const one = 1111;\nexport const two = 2222;\nexport const three = 3333;\n";
  assert.equal(outline(text, ["three"], 60), "export const one = 1111;\nexport const three = 3333;");
  assert.equal(outline(text, [], 0), "");
});

test("files that hold keys or passwords are known by their names", () => {
  const secret = [
    ".awſ/config",
    ".env",
    "app/.env.production",
    "prod.env",
    "tls/server.pem",
    "server.KEY",
    "home/.ssh/config",
    "id_rsa",
    "id_ed25519.pub",
    ".npmrc",
    "config/credentials.json",
    "aws_credentials.yaml",
    "secrets.toml",
    "my-secret.json",
    "C:\\work\\.aws\\config",
    "terraform.tfvars",
    "service-account.json",
    ".env-prod",
    ".env_local",
    ".env~",
    ".dev.vars",
    ".envs/.production/.django",
    "id_rsa_github",
    "id_ed25519-work.bak",
    "terraform.tfstate.backup",
    "kubeconfig",
    "prod.kubeconfig",
    ".vault-token",
    ".bash_history",
  ];
  for (const path of secret) assert.equal(isSecretLike(path), true, path);
  const plain = [
    "src/env.ts",
    "environment.py",
    "keyboard.ts",
    "src/tokenizer.ts",
    "tokens.ts",
    "README.md",
    "key.go",
    ".environment",
    "id_rsa2.go",
    "kubeconfig.go",
  ];
  for (const path of plain) assert.equal(isSecretLike(path), false, path);
});
