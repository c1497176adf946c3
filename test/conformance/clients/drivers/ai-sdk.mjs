import { createInterface } from "node:readline";

/**
 * One chat of the AI SDK, as `useChat` has it but without a page. Input: `major`, `url`, `token`, `chat`, `transport` (`http`, `workflow` or `socket`), `approves`
 * (decisions are sent by themselves). Commands on standard input: `{do, as, ...}`; when one is done, a line of the type `as` says how the chat stands.
 */
const input = JSON.parse(process.argv[2] ?? "{}");
const ai = await import(`ai-${input.major}`);

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Texts that are to be told as soon as they are shown. */
const marks = new Map();

function textOf(messages) {
  const last = messages.at(-1);
  return last?.role === "assistant"
    ? last.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("")
    : "";
}

class State {
  status = "ready";
  error = undefined;
  messages = input.messages ?? [];
  pushMessage = (message) => {
    this.messages = [...this.messages, message];
    this.changed();
  };
  popMessage = () => {
    this.messages = this.messages.slice(0, -1);
  };
  replaceMessage = (index, message) => {
    this.messages = this.messages.with(index, structuredClone(message));
    this.changed();
  };
  snapshot = (value) => structuredClone(value);
  changed() {
    const text = textOf(this.messages);
    const parts = JSON.stringify(this.messages.at(-1)?.parts ?? []);
    for (const [mark, as] of marks) {
      if (!text.includes(mark) && !parts.includes(mark)) continue;
      marks.delete(mark);
      say({ type: as });
    }
  }
}

const state = new State();
const seen = { data: [], preliminary: [], requests: [] };

/** An empty token is none. */
const token = input.token === "" ? {} : { authorization: `Bearer ${input.token}` };

async function transportOf() {
  const { transport = "http", url, major } = input;
  if (transport === "socket") {
    const { WebSocket } = await import("ws");
    const query = input.token === "" ? {} : { token: input.token };
    return new ai.WebSocketChatTransport({
      url: `${url}/api/ai/ws${input.cancels ? "?abort=cancel" : ""}`,
      params: query,
      webSocket: WebSocket,
    });
  }
  if (transport === "workflow") {
    const { WorkflowChatTransport } = await import("@ai-sdk/workflow/client");
    return new WorkflowChatTransport({
      api: `${url}/api/ai/${input.plain ? "chat" : "workflow"}`,
      initialStartIndex: input.startIndex ?? 0,
      fetch: watched,
      prepareSendMessagesRequest: ({ id, messages, trigger, messageId }) => ({
        headers: { "content-type": "application/json", ...token },
        body: { id, messages: messages.slice(-1), trigger, messageId },
      }),
      prepareReconnectToStreamRequest: ({ api }) => ({ api, headers: token }),
    });
  }
  return new ai.DefaultChatTransport({ api: `${url}/api/ai/chat?v=${major}`, headers: token, fetch: watched });
}

async function watched(address, options) {
  const response = await again(() => fetch(address, options), input.patient ? 40 : 0);
  seen.requests.push({
    address: String(address),
    status: response.status,
    run: response.headers.get("x-workflow-run-id"),
    tail: response.headers.get("x-workflow-stream-tail-index"),
  });
  return response;
}

/** A page whose `fetch` waits for the server to be there again. */
async function again(ask, times) {
  try {
    return await ask();
  } catch (error) {
    if (times === 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, 250));
    return again(ask, times - 1);
  }
}

class Chat extends ai.AbstractChat {}

const chat = new Chat({
  id: input.chat,
  state,
  transport: await transportOf(),
  onData: (part) => seen.data.push(part),
  ...(input.approves ? { sendAutomaticallyWhen: ai.lastAssistantMessageIsCompleteWithApprovalResponses } : {}),
});

const standing = () => ({
  status: chat.status,
  error: chat.error?.message,
  text: textOf(chat.messages),
  messages: chat.messages,
  ...seen,
});

const actions = {
  send: ({ text, id, body }) =>
    chat.sendMessage({ role: "user", parts: [{ type: "text", text }], ...(id && { id }) }, { body }),
  parts: ({ parts }) => chat.sendMessage({ role: "user", parts }),
  resume: () => chat.resumeStream(),
  regenerate: () => chat.regenerate(),
  edit: ({ text, messageId }) => chat.sendMessage({ text, messageId }),
  letGo: () => chat.stop(),
  stop: async () => {
    const address = `${input.url}/api/ai/chat/${encodeURIComponent(input.chat)}/stop`;
    const response = await fetch(address, { method: "POST", headers: token });
    return { stopStatus: response.status };
  },
  decide: async ({ approved }) => {
    for (const part of chat.messages.at(-1).parts.filter(({ type }) => type === "data-approval")) {
      const address = `${input.url}/api/ai/chat/${encodeURIComponent(input.chat)}/approvals/${part.id}`;
      const headers = { "content-type": "application/json", ...token };
      await fetch(address, { method: "POST", headers, body: JSON.stringify({ approved }) });
    }
  },
  approve: async ({ approved, reason }) => {
    const asked = chat.messages.at(-1).parts.filter((part) => part.state === "approval-requested");
    for (const part of asked) await chat.addToolApprovalResponse({ id: part.approval.id, approved, reason });
    if (!input.approves) await chat.sendMessage();
    else
      while (chat.status === "ready" || chat.status === "submitted" || chat.status === "streaming") {
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (chat.status === "ready" && !chat.messages.at(-1).parts.some((part) => part.state === "approval-responded"))
          break;
      }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  for (const [mark, as] of Object.entries(command.marks ?? {})) marks.set(mark, as);
  void Promise.resolve(actions[command.do](command))
    .then((more) => say({ type: command.as, ...standing(), ...more }))
    .catch((error) => say({ type: command.as, thrown: String(error?.message ?? error), ...standing() }));
}
