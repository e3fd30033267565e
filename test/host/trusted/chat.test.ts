import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { createModelServer, type ModelServer } from "../../fake/modelServer.ts";
import { closeAll, configure, openBelow, openTabs } from "../editor.ts";
import { click, hasUi, texts, waitUntil } from "../ui.ts";

type Message = { readonly role: string; readonly content: string };

let server: ModelServer;

const chatRequests = () => server.requests.filter(({ path: route }) => route.startsWith("/v1/chat/completions"));
const sent = (body: string | undefined): readonly Message[] =>
  (JSON.parse(body ?? "{}") as { messages: Message[] }).messages;
const lastSent = () => sent(chatRequests().at(-1)?.body).at(-1)?.content ?? "";

/** Says something in the Chat view, as if it were typed and sent. */
const say = (query: string) => vscode.commands.executeCommand("workbench.action.chat.open", { query });
const shown = async () => (await texts(".interactive-response")).join("\n");
const waitForAnswer = (text: string) => waitUntil(`"${text}" in the chat`, async () => (await shown()).includes(text));
const buttons = () => texts(".interactive-response .monaco-button");

const folder = () => vscode.workspace.workspaceFolders![0]!.uri;

const setUp = () => configure({ "chat.provider": "llamacpp", "chat.baseUrl": server.url });

// Hooks outside of a suite would be those of every file in this window.
suite("chat participant", () => {
  before(async () => {
    server = await createModelServer({
      chat: () => "It **finds** a product. ![pixel](https://evil.example/?q=1)",
      tokenDelayMs: 5,
    });
    await setUp();
  });
  after(async () => {
    await configure({ "chat.provider": undefined, "chat.baseUrl": undefined });
    await server.close();
    await vscode.commands.executeCommand("workbench.action.closeAuxiliaryBar");
  });
  afterEach(async () => {
    await vscode.commands.executeCommand("workbench.action.chat.newChat");
    await closeAll();
  });

  test("an answer streams in about what is selected, and the next message goes on", { skip: !hasUi }, async () => {
    const editor = await openBelow("src/products.ts", 16);
    editor.selection = new vscode.Selection(6, 0, 12, 1);
    await say("@hotpath /explain");
    await waitForAnswer("It finds a product. !");
    const first = sent(chatRequests()[0]?.body);
    assert.match(first.at(-1)?.content ?? "", /Selected in src\/products\.ts, lines 7-13:[^]*findProduct/);
    assert.deepEqual(await texts(".interactive-response .value img"), [], "no image is fetched");
    await say("@hotpath thanks, and now?");
    await waitUntil("the second request", () => chatRequests().length === 2);
    const second = sent(chatRequests()[1]?.body);
    assert.deepEqual(second.slice(0, 2), first, "it begins with what the server has read");
    assert.match(second[2]?.content ?? "", /^It \*\*finds\*\* a product/);
    assert.doesNotMatch(second.at(-1)?.content ?? "", /findProduct/, "what was sent is not sent again");
  });

  test("free words behind tests are about those tests", { skip: !hasUi }, async () => {
    const already = chatRequests().length;
    await openBelow("src/products.ts", 16);
    await say("@hotpath /tests");
    await waitForAnswer("It finds a product. !");
    assert.match(lastSent(), /Request: Write tests for this code/);
    await say("@hotpath make the tests shorter");
    await waitUntil("the second request", () => chatRequests().length === already + 2);
    assert.match(lastSent(), /Request: make the tests shorter$/);
    assert.doesNotMatch(lastSent(), /Write tests/);
    await openBelow("scripts/report.py", 1);
    await say("@hotpath write tests for this file");
    await waitUntil("the third request", () => chatRequests().length === already + 3);
    assert.match(lastSent(), /^File scripts\/report\.py:[^]*Request: Write tests for this code/);
  });

  test("stopping closes the request and keeps what came", { skip: !hasUi }, async () => {
    server.script("/v1/chat/completions", {
      status: 200,
      headers: { "content-type": "text/event-stream" },
      body: ['data: {"choices":[{"index":0,"delta":{"content":"The beginning."},"finish_reason":null}]}\n\n'],
      finish: "hang",
    });
    await say("@hotpath tell me a long story");
    await waitForAnswer("The beginning.");
    await vscode.commands.executeCommand("workbench.action.chat.cancel");
    await chatRequests().at(-1)!.closedByClient;
    assert.match(await shown(), /The beginning\./);
  });

  test("an unclear message is answered by a question, and its answer is a click away", { skip: !hasUi }, async () => {
    const already = chatRequests().length;
    await say("@hotpath review and fix this");
    await waitForAnswer("What would you like: /review or /fix?");
    assert.equal(chatRequests().length, already);
    const followUp =
      ".interactive-session .chat-suggested-actions .monaco-button, .interactive-session-followups .monaco-button";
    await waitUntil("what to choose from", async () => (await texts(followUp)).length >= 2);
    await click(followUp);
    await waitUntil("the request", () => chatRequests().length === already + 1);
    assert.match(lastSent(), /Review this\.[^]*In their own words: review and fix this$/);
  });

  test("a question about Hotpath's own speed opens the report and asks nobody", { skip: !hasUi }, async () => {
    const already = chatRequests().length;
    await say("@hotpath how slow were the last requests");
    await waitForAnswer("The performance report is open");
    assert.ok(openTabs().some(({ input }) => input instanceof vscode.TabInputWebview));
    assert.equal(chatRequests().length, already);
  });

  test("without a server, and with one that is gone, it says what to do", { skip: !hasUi }, async () => {
    try {
      await configure({ "chat.provider": undefined, "chat.baseUrl": undefined });
      await say("@hotpath hello");
      await waitForAnswer("No model server is set up yet.");
      assert.ok((await buttons()).includes("Set up a provider"));
      await vscode.commands.executeCommand("workbench.action.chat.newChat");
      await configure({ "chat.provider": "llamacpp", "chat.baseUrl": "http://127.0.0.1:9" });
      await say("@hotpath hello again");
      await waitForAnswer("No model server answers at 127.0.0.1:9.");
      assert.ok((await buttons()).includes("Set up a provider"));
    } finally {
      await setUp();
    }
  });

  test("what is attached is read, and what looks like a key is not sent", { skip: !hasUi }, async () => {
    await writeFile(path.join(folder().fsPath, ".env"), "TOKEN=hidden-in-env");
    try {
      const attachFiles = ["src/orders.ts", ".env"].map((name) => vscode.Uri.joinPath(folder(), name));
      const query = "@hotpath what is in these";
      await vscode.commands.executeCommand("workbench.action.chat.open", { query, attachFiles });
      await waitForAnswer("Not sent, because it looks like keys or passwords: .env.");
      await waitForAnswer("It finds a product. !");
      assert.match(lastSent(), /File src\/orders\.ts:\n```ts\n/);
      assert.doesNotMatch(lastSent(), /hidden-in-env/);
    } finally {
      await rm(path.join(folder().fsPath, ".env"));
    }
  });

  test("a commit message is asked for with the changes that Git tells of", { skip: !hasUi }, async () => {
    await say("@hotpath /commit");
    await waitForAnswer("VS Code has no Git repository open here.");
    await vscode.commands.executeCommand("workbench.action.chat.newChat");
    const cwd = folder().fsPath;
    const git = (...args: string[]) =>
      promisify(execFile)("git", ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args], { cwd });
    await git("init", "-q");
    await git("add", ".");
    await git("commit", "-qm", "Begin");
    const readme = path.join(cwd, "README.md");
    await writeFile(readme, "A line that is new.\n");
    try {
      await vscode.commands.executeCommand("git.openRepository", cwd);
      await say("@hotpath commit message please");
      await waitForAnswer("It finds a product. !");
      assert.match(lastSent(), /Uncommitted changes of [^]*\+A line that is new\.[^]*Write a commit message/);
      // Another program writes the diff, in a form of its own.
      await git("config", "diff.external", "echo");
      await vscode.commands.executeCommand("workbench.action.chat.newChat");
      await say("@hotpath /commit");
      await waitForAnswer("The uncommitted changes could not be read.");
    } finally {
      await git("checkout", "-q", "README.md");
      await vscode.commands.executeCommand("git.close");
      await rm(path.join(cwd, ".git"), { recursive: true });
    }
  });

  test("the model behind it answers other extensions, and their options go nowhere", async () => {
    const [model] = await vscode.lm.selectChatModels({ vendor: "hotpath" });
    const answer = await model!.sendRequest([vscode.LanguageModelChatMessage.User("Hello")], {
      modelOptions: { _conversationId: "private", temperature: 2 },
      tools: [{ name: "look", description: "Looks", inputSchema: { type: "object", properties: {} } }],
    });
    let text = "";
    for await (const piece of answer.text) text += piece;
    assert.match(text, /^It \*\*finds\*\* a product/);
    const body = chatRequests().at(-1)?.body ?? "";
    assert.deepEqual(sent(body), [{ role: "user", content: "Hello" }]);
    assert.match(body, /"name":"look"/);
    assert.doesNotMatch(body, /private|temperature/);
  });
});
