import assert from "node:assert/strict";
import { test } from "node:test";
import { templateFromOllama } from "../../../src/provider/ollamaTemplate.ts";
import { bodyOf, collectParts, createProviderHarness } from "./harness.ts";

test("reads the marks of a template, whichever part comes first", () => {
  const chat = "{{- else }}{{ range .Messages }}<|im_start|>{{ .Role }}{{ end }}{{ end }}";
  const prefixFirst = templateFromOllama(`{{- if .Suffix }}<|a|>{{ .Prompt }}<|b|>{{ .Suffix }}<|c|>\n${chat}`);
  assert.deepEqual(prefixFirst?.marks, ["<|a|>", "<|b|>", "<|c|>"]);
  assert.equal(prefixFirst?.order, "prefix-first");
  assert.deepEqual(prefixFirst?.reserved, prefixFirst?.marks);
  const suffixFirst = templateFromOllama("{{- if .Suffix -}} <s>{{- .Suffix -}}<p>{{.Prompt}}<m>");
  assert.deepEqual(suffixFirst?.marks, ["<s>", "<p>", "<m>"]);
  assert.equal(suffixFirst?.order, "suffix-first");
});

for (const template of [
  "",
  "{{ .Prompt }}",
  "{{ .Prompt }}{{ .Suffix }}",
  "{{ .Prompt }}<x>{{ .Suffix }}",
  "<PRE> {{ .Prompt }} <SUF>{{ .Suffix }} <MID>",
  "[SUFFIX]{{ .Suffix }}[PREFIX] {{ .Prompt }}",
  "<a>{{ .Prompt }} <b>{{ .Suffix }}<c>",
  "<a>{{ .Prompt }}<b>{{ .Suffix }} <c>",
  "<a> {{ .Prompt }}<b>{{ .Suffix }}<c>",
  "<a>{{ .Prompt }}<b>{{ .Prompt }}<c>",
  "<a>{{ .Prompt }}<b>{{ .System }}<x>{{ .Suffix }}<c>",
  "Fill in: <a>{{ .Prompt }}<b>{{ .Suffix }}<c>",
]) {
  test(`leaves alone what is not that plain: ${template}`, () => {
    assert.equal(templateFromOllama(template), undefined);
  });
}

test("a model of an unknown name is asked with the marks of its own template", async (context) => {
  const template = "{{ if .Suffix }}<|a|>{{ .Prompt }}<|b|>{{ .Suffix }}<|c|>{{ else }}{{ .Prompt }}{{ end }}";
  const { server, provider } = await createProviderHarness(context, "ollama", {
    server: { modelId: "oracle", ollama: { capabilities: ["completion", "insert"], template } },
  });
  assert.equal((await provider.capabilities()).fillInMiddle, "raw-template");
  const request = { prefix: "a(<|b|>", typed: "x", suffix: ")", maxTokens: 8, temperature: 0 };
  await collectParts(provider.streamCompletion(request));
  const body = bodyOf(await server.nextRequest("/api/generate"));
  assert.equal(body["raw"], true);
  assert.equal(body["prompt"], "<|a|>a(< |b|><|b|>)<|c|>x");
});
