import assert from "node:assert/strict";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, type ModelServer } from "../../fake/modelServer.ts";
import { createToolModel, type ChatBody } from "../../fake/toolSession.ts";
import { closeAll, configure } from "../editor.ts";
import { hasUi, texts, waitUntil } from "../ui.ts";

const tool = (name: string, description: string): vscode.LanguageModelChatTool => ({
  name,
  description,
  inputSchema: { type: "object", properties: { value: { type: "string", description: "What to work on" } } },
});
/** As many as VS Code offers when a few MCP servers are there. */
const tools = [
  tool("read_file", "Reads lines of a file."),
  tool("run_in_terminal", "Runs a program."),
  tool("mcp_post_send_letter", "Sends a letter to a person."),
  tool("mcp_garden_water_roses", "Waters the roses in the garden."),
  tool("mcp_kitchen_bake_cake", "Bakes a cake."),
  ...Array.from({ length: 123 }, (_, at) =>
    tool(`mcp_units_convert_${at}`, `Converts a quantity of unit ${at} into ${at + 1}.`),
  ),
];

let server: ModelServer;
const model = createToolModel();

const bodies = (): ChatBody[] =>
  server.requests
    .filter(({ path: route }) => route.startsWith("/v1/chat/completions"))
    .map(({ body }) => JSON.parse(body) as ChatBody);

/** What VS Code's agent does: asks, and returns the text and the calls of the answer. */
const ask = async (messages: readonly vscode.LanguageModelChatMessage[]) => {
  const [chosen] = await vscode.lm.selectChatModels({ vendor: "hotpath" });
  assert.ok(chosen, "there is a model");
  const response = await chosen.sendRequest([...messages], { tools });
  let text = "";
  const calls: vscode.LanguageModelToolCallPart[] = [];
  for await (const part of response.stream) {
    if (part instanceof vscode.LanguageModelTextPart) text += part.value;
    if (part instanceof vscode.LanguageModelToolCallPart) calls.push(part);
  }
  return { text, calls };
};

/** Plays a turn to its end and returns the names of the tools that VS Code was asked to run. `query`: what the model looks for. */
const play = async (
  messages: vscode.LanguageModelChatMessage[],
  words: string,
  needed: readonly string[],
  query = words,
) => {
  model.begin({ query, needed });
  messages.push(vscode.LanguageModelChatMessage.User(words));
  const called: string[] = [];
  while (true) {
    const { text, calls } = await ask(messages);
    if (calls.length === 0) {
      messages.push(vscode.LanguageModelChatMessage.Assistant(text));
      return called;
    }
    messages.push(vscode.LanguageModelChatMessage.Assistant(calls));
    const results = calls.map(
      ({ callId }) => new vscode.LanguageModelToolResultPart(callId, [new vscode.LanguageModelTextPart("ok")]),
    );
    messages.push(vscode.LanguageModelChatMessage.User(results));
    called.push(...calls.map(({ name }) => name));
  }
};

suite("tool selection", () => {
  before(async () => {
    server = await createModelServer({
      chat({ json }) {
        const { text, toolCalls } = model.answer(json as unknown as ChatBody);
        return {
          text,
          toolCalls: toolCalls.map(({ id, name, argumentsJson }) => ({ id, name, arguments: argumentsJson })),
        };
      },
    });
    await configure({ "chat.provider": "llamacpp", "chat.baseUrl": server.url });
  });
  after(async () => {
    await configure({ "chat.provider": undefined, "chat.baseUrl": undefined });
    await server.close();
  });
  afterEach(async () => {
    await configure({ "tools.selection": undefined });
    await closeAll();
  });

  test("of 128 tools a few are sent, others come by find_tools, and the prompt only ever grows", async () => {
    const messages: vscode.LanguageModelChatMessage[] = [];
    assert.deepEqual(await play(messages, "send a letter to Maria", ["mcp_post_send_letter"]), [
      "mcp_post_send_letter",
    ]);
    const first = bodies()[0]!;
    const declared = (first.tools ?? []).map(({ function: { name } }) => name);
    assert.deepEqual(declared.slice(0, 4), ["find_tools", "call_tool", "read_file", "run_in_terminal"]);
    assert.ok(declared.includes("mcp_post_send_letter"));
    assert.ok(declared.length < 20, declared.join());

    // Told when the turn begins, and asked for in the middle of it: VS Code sees neither, only the calls.
    assert.deepEqual(await play(messages, "water the roses", ["mcp_garden_water_roses"]), ["mcp_garden_water_roses"]);
    const cake = ["mcp_kitchen_bake_cake"];
    assert.deepEqual(await play(messages, "something sweet, please", cake, "bake a cake"), cake);
    assert.ok(JSON.stringify(bodies().at(-1)?.messages).includes(String.raw`{\"query\":\"bake a cake\"}`));

    const sent = bodies();
    for (const [at, body] of sent.entries()) {
      assert.deepEqual(body.tools, first.tools);
      const read = sent[at - 1]?.messages ?? [];
      assert.deepEqual(body.messages.slice(0, read.length), read, `request ${at} begins with what was read`);
    }
    assert.ok(JSON.stringify(sent.at(-1)).length < JSON.stringify(tools).length / 2);
  });

  test("the report tells what choosing was worth", { skip: !hasUi }, async () => {
    await vscode.commands.executeCommand("hotpath.openReport");
    const page = await waitUntil("the section", async () => {
      const [body] = await texts("body", { webview: true });
      return body?.includes("Tools chosen for chat models") === true ? body : undefined;
    });
    assert.match(page, /tokens of tool descriptions that were not sent, estimated: \d{1,3}(?:,\d{3})+/);
    assert.match(page, /times a model asked for more tools: 1/);
    assert.match(page, /An earlier request of the same turn/);
    assert.match(page, /All together/);
  });

  test("switched off, all are sent as they are", async () => {
    await configure({ "tools.selection": false });
    const already = bodies().length;
    await play([], "bake a cake", ["mcp_kitchen_bake_cake"]);
    const body = bodies()[already]!;
    assert.equal(body.tools?.length, tools.length);
    assert.deepEqual(
      body.messages.map(({ role }) => role),
      ["user"],
    );
  });
});
