import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTokenCalibration,
  estimateMessage,
  estimateRequest,
  estimateTokens,
} from "../../../src/provider/tokenEstimate.ts";

// Counted with the public tokenizers cl100k_base and o200k_base; the mean of the two.
const counted: readonly (readonly [name: string, text: string, tokens: number])[] = [
  [
    "TypeScript",
    'export const createLedger = ({ clock, size = 500 }: LedgerOptions): Ledger => {\n  const rows: Row[] = [];\n  return {\n    startRequest(request) {\n      const row = { ...request, id: nextId++, startedAtMs: clock.dateMs(), outcome: "running" };\n      rows.push(row);\n      if (rows.length > size) rows.shift();\n      return row;\n    },\n  };\n};\n',
    89,
  ],
  [
    "Python",
    'def read_rows(path, *, limit=None):\n    """Reads the rows of a table, at most limit of them."""\n    with open(path, newline="") as file:\n        for index, row in enumerate(csv.DictReader(file)):\n            if limit is not None and index >= limit:\n                return\n            yield {key.strip(): value for key, value in row.items()}\n',
    77,
  ],
  [
    "English",
    "A server that charges gets at most twenty requests a minute, and nothing is asked ahead of it. Whoever wants more can say so in the settings; what that costs is shown in the report, together with the time that it has saved.",
    48,
  ],
  [
    "JSON",
    '{"id":1042,"name":"Ada Lovelace","tags":["admin","billing"],"address":{"street":"12 St James\'s Square","city":"London","zip":"SW1Y 4JH"},"active":true,"balance":1999.5,"orders":[{"sku":"AB-100","count":2},{"sku":"CD-207","count":10}]}',
    79,
  ],
  [
    "German",
    "Die Funktion liest zuerst die Einstellungen und prüft, ob der Server erreichbar ist. Wenn nicht, erscheint eine Meldung, und nichts wird gesendet.",
    36,
  ],
  [
    "Russian",
    "Сначала функция читает настройки и проверяет, доступен ли сервер. Если нет, появляется сообщение, и ничего не отправляется.",
    34,
  ],
  ["Chinese", "该函数首先读取设置，然后检查服务器是否可用。如果不可用，则显示一条消息，并且不发送任何内容。", 31],
  [
    "Japanese",
    "この関数はまず設定を読み込み、サーバーに接続できるかどうかを確認します。接続できない場合はメッセージが表示されます。",
    49,
  ],
];

test("estimates are near what tokenizers count, whatever the text", () => {
  for (const [name, text, tokens] of counted) {
    const share = estimateTokens(text) / tokens;
    assert.ok(share > 0.75 && share < 1.3, `${name}: ${share.toFixed(2)} times as many as counted`);
  }
});

test("an empty text has no tokens, and any other at least one", () => {
  assert.equal(estimateTokens(""), 0);
  for (const text of [" ", "\n", "a", "\u0000", "\uD800", "7"]) assert.ok(estimateTokens(text) >= 1, text);
});

test("a text of a megabyte takes no more than one pass", () => {
  for (const text of [" ".repeat(1e6), "a".repeat(1e6), "\n".repeat(1e6), "{".repeat(1e6), "7".repeat(1e6)]) {
    assert.ok(estimateTokens(text) > 0);
  }
});

test("a message counts with its calls and images, a request with its tools", () => {
  const plain = estimateMessage({ role: "user", content: "Hello" });
  const image = { type: "image", mediaType: "image/png", base64: "A".repeat(1e5) } as const;
  assert.equal(estimateMessage({ role: "user", content: [{ type: "text", text: "Hello" }, image] }), plain + 800);
  const toolCalls = [{ id: "1", name: "read_file", argumentsJson: '{"path":"src/index.ts"}' }];
  assert.ok(estimateMessage({ role: "assistant", content: "", toolCalls }) > 8);
  const messages = [{ role: "user", content: "Hello" }] as const;
  assert.equal(estimateRequest({ messages }), plain);
  const tools = [{ name: "a", description: "b".repeat(100), parameters: { type: "object" } }];
  assert.ok(estimateRequest({ messages, tools }) > plain + 10);
});

test("what servers count is learned for each model, slowly, and nonsense is not", () => {
  const calibration = createTokenCalibration();
  assert.equal(calibration.factor("a"), 1);
  calibration.learn("a", 1000, 1200);
  assert.equal(calibration.factor("a"), 1.2);
  assert.equal(calibration.factor("b"), 1);
  calibration.learn("a", 1000, 1000);
  assert.ok(Math.abs(calibration.factor("a") - 1.15) < 1e-9);
  for (const [estimated, count] of [
    [50, 100],
    [1000, 0],
    [1000, 5000],
    [1000, 10],
    [1000, Number.NaN],
  ] as const) {
    calibration.learn("a", estimated, count);
  }
  assert.ok(Math.abs(calibration.factor("a") - 1.15) < 1e-9);
});
