// An agent without any judgement of its own: what the model calls is called, what comes back is told to the model.
import * as vscode from "vscode";

const maxRounds = 8;

const call = async ({ name, input }, toolInvocationToken, token) => {
  try {
    return (await vscode.lm.invokeTool(name, { input, toolInvocationToken }, token)).content;
  } catch (error) {
    return [new vscode.LanguageModelTextPart(`Error: ${error.message}`)];
  }
};

const answer = async (request, _context, response, token) => {
  const { LanguageModelChatMessage: Message } = vscode;
  const [model] = await vscode.lm.selectChatModels({ vendor: "hotpath" });
  const tools = vscode.lm.tools.filter(({ name }) => name.startsWith("hotpath_"));
  const messages = [Message.User(request.prompt)];
  for (let round = 0; round < maxRounds; round++) {
    const calls = [];
    const reply = await model.sendRequest(messages, { tools }, token);
    for await (const part of reply.stream) {
      if (part instanceof vscode.LanguageModelToolCallPart) calls.push(part);
      else if (part instanceof vscode.LanguageModelTextPart) response.markdown(part.value);
    }
    if (calls.length === 0) return;
    messages.push(Message.Assistant(calls));
    const results = [];
    for (const one of calls) {
      const content = await call(one, request.toolInvocationToken, token);
      results.push(new vscode.LanguageModelToolResultPart(one.callId, content));
    }
    messages.push(Message.User(results));
  }
};

export const activate = (context) => {
  context.subscriptions.push(vscode.chat.createChatParticipant("hotpath-test.obedient", answer));
};
