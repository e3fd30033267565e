import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, type ModelServer } from "../../fake/modelServer.ts";
import { closeAll, configure } from "../editor.ts";
import { hasUi, texts, waitUntil } from "../ui.ts";

let llama: ModelServer;
let ollama: ModelServer;

const models = () => vscode.lm.selectChatModels({ vendor: "hotpath" });
const nameOf = ({ name }: vscode.LanguageModelChat) => name;
const find = async (name: string) => (await models()).find((model) => model.name === name)!;
const bodyOf = (server: ModelServer, route: string): Record<string, unknown> =>
  JSON.parse(server.requests.findLast(({ path }) => path === route)?.body ?? "{}") as Record<string, unknown>;

type Answer = { text: string; readonly calls: vscode.LanguageModelToolCallPart[] };
const ask = async (
  model: vscode.LanguageModelChat,
  messages: vscode.LanguageModelChatMessage[],
  options: vscode.LanguageModelChatRequestOptions = {},
): Promise<Answer> => {
  const answer: Answer = { text: "", calls: [] };
  const response = await model.sendRequest(messages, options);
  for await (const part of response.stream) {
    if (part instanceof vscode.LanguageModelTextPart) answer.text += part.value;
    else if (part instanceof vscode.LanguageModelToolCallPart) answer.calls.push(part);
  }
  return answer;
};

type Said = string | ConstructorParameters<typeof vscode.LanguageModelChatMessage>[1];
const user = (content: Said) => new vscode.LanguageModelChatMessage(vscode.LanguageModelChatMessageRole.User, content);
const assistant = (content: Said) =>
  new vscode.LanguageModelChatMessage(vscode.LanguageModelChatMessageRole.Assistant, content);
/** A real picture: VS Code looks at what it passes on. */
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
const pixel = vscode.LanguageModelDataPart.image(Buffer.from(png, "base64"), "image/png");
const look = { name: "look", description: "Looks", inputSchema: { type: "object", properties: {} } };

const say = (model: vscode.LanguageModelChat | undefined, query: string) =>
  vscode.commands.executeCommand("workbench.action.chat.open", {
    query,
    mode: "ask",
    modelSelector: { vendor: "hotpath", id: model?.id },
  });
const waitForAnswer = (text: string) =>
  waitUntil(text, async () => (await texts(".interactive-response")).some((answer) => answer.includes(text)));

suite("language models", () => {
  before(async () => {
    llama = await createModelServer({
      modelPath: "/models/tiny-coder.gguf",
      modelId: "/models/tiny-coder.gguf",
      contextTokens: 2048,
      tools: true,
      vision: false,
      chat: () => ({
        text: "<think>Hm.</think>From llama.cpp.",
        toolCalls: [
          { name: "look", arguments: '{"at":1}' },
          { name: "look", arguments: '{"at":2}' },
        ],
      }),
    });
    ollama = await createModelServer({
      modelId: "big:7b $(bug) [run](command:workbench.action.quit)",
      ollama: { capabilities: ["completion", "tools", "vision"] },
      chat: () => "From Ollama.",
    });
    await configure({
      "chat.provider": "llamacpp",
      "chat.baseUrl": llama.url,
      "background.provider": "ollama",
      "background.baseUrl": ollama.url,
    });
  });
  after(async () => {
    const names = ["chat", "background", "completion"].flatMap((role) => [`${role}.provider`, `${role}.baseUrl`]);
    await configure(Object.fromEntries(names.map((name) => [name, undefined])));
    await Promise.all([llama.close(), ollama.close()]);
    await closeAll();
  });

  test("the models of all servers are there, with what their servers have really set aside", async () => {
    const listed = await models();
    assert.deepEqual(listed.map(nameOf), ["@hotpath: tiny-coder", "big:7b (bug) run (command:workbench.action.quit)"]);
    assert.equal(listed[0]!.maxInputTokens, 1536, "a slot's context without the room for an answer");
    assert.equal(listed[1]!.maxInputTokens, 6144, "the context that every request asks Ollama for");
    assert.ok(listed.every(({ id }) => !/[[\]$<>]/.test(id)));
  });

  test("a chosen model answers itself, with text and calls, and its thinking stays out", async () => {
    const first = await ask(await find("@hotpath: tiny-coder"), [user("Hello")], { tools: [look] });
    assert.equal(first.text, "From llama.cpp.");
    assert.deepEqual(
      first.calls.map(({ name, input }) => ({ name, input })),
      [
        { name: "look", input: { at: 1 } },
        { name: "look", input: { at: 2 } },
      ],
    );
    const [, other] = await models();
    const results = first.calls.map(
      ({ callId }) =>
        new vscode.LanguageModelToolResultPart(callId, [new vscode.LanguageModelTextPart(`saw ${callId}`), pixel]),
    );
    const second = await ask(
      other!,
      [
        user("Hello"),
        assistant(first.calls),
        user(results),
        user([new vscode.LanguageModelTextPart("And this?"), pixel]),
      ],
      {
        tools: [look],
        toolMode: vscode.LanguageModelChatToolMode.Required,
        modelOptions: { temperature: 2, _secret: 1 },
      },
    );
    assert.equal(second.text, "From Ollama.");
    const sent = bodyOf(ollama, "/api/chat");
    assert.equal(sent["model"], "big:7b $(bug) [run](command:workbench.action.quit)");
    assert.deepEqual(sent["options"], { num_ctx: 8192 });
    assert.doesNotMatch(JSON.stringify(sent), /_secret|temperature/);
    const messages = sent["messages"] as { role: string; content: string; images?: string[] }[];
    assert.deepEqual(
      messages.map(({ role }) => role),
      ["user", "assistant", "tool", "tool", "user"],
    );
    assert.match(messages[2]!.content, /^saw .+\n\(Its images follow\.\)$/);
    assert.deepEqual(messages[4]!.images, [png, png, png]);
    assert.match(messages[4]!.content, /And this\?$/);
  });

  test("a model that is chosen in the chat answers @hotpath, too", { skip: !hasUi }, async () => {
    const [role, other] = await models();
    await say(other, "@hotpath Who are you?");
    await waitForAnswer("From Ollama.");
    await say(role, "@hotpath And you?");
    await waitForAnswer("From llama.cpp.");
    await vscode.commands.executeCommand("workbench.action.chat.newChat");
    await vscode.commands.executeCommand("workbench.action.closeAuxiliaryBar");
  });

  test("an image goes to no model that cannot read it, and one plain sentence says so", async () => {
    const already = llama.requests.length;
    await assert.rejects(
      async () => ask(await find("@hotpath: tiny-coder"), [user([pixel])]),
      /tiny-coder cannot read images\. Remove the image, or choose another model\./,
    );
    const asked = llama.requests.slice(already).map(({ path }) => path);
    assert.ok(!asked.includes("/v1/chat/completions"));
  });

  test("tokens are counted by the server where it can, and estimated where it cannot", async () => {
    const model = await find("@hotpath: tiny-coder");
    const text = "one two three ".repeat(100);
    assert.equal(await model.countTokens(text), 301);
    assert.equal(llama.requests.at(-1)?.path, "/tokenize");
    const already = llama.requests.length;
    assert.equal(await model.countTokens(text), 301, "counted once");
    assert.ok((await model.countTokens(user("Hello"))) > 4);
    assert.equal(llama.requests.length, already, "short texts are not worth a question");
    const [, other] = await models();
    const estimated = await other!.countTokens(text);
    assert.ok(estimated > 200 && estimated < 500, String(estimated));
  });

  test("a server that is gone does not hide the others", async () => {
    await configure({ "background.baseUrl": "http://127.0.0.1:9", "background.model": "gone" });
    assert.deepEqual((await models()).map(nameOf), ["@hotpath: tiny-coder", "gone"]);
    await configure({ "background.baseUrl": ollama.url, "background.model": undefined });
    await waitUntil("the list", async () => (await models()).length === 2);
  });
});
