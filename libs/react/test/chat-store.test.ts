import { createChatStore, type ChatEvent } from "@parley/react";
import { expect, test } from "vitest";

const conversation_id = "c1";
const text = (piece: string): ChatEvent => ({ type: "text", data: { text: piece, conversation_id } });
const complete = (message: string): ChatEvent => ({
  type: "complete",
  data: { message, tool_calls: [], conversation_id },
});
const error = (code: string): ChatEvent => ({ type: "error", data: { error: `It was ${code}.`, code } });

function shown({ getState }: ReturnType<typeof createChatStore>) {
  return getState().messages.map(({ role, content, error: why }) => `${role}: ${content}${why ?? ""}`);
}

test("addMessage with stream adds to the last message of the assistant, and begins one where there is none", () => {
  const store = createChatStore();
  const { addMessage } = store.getState();
  addMessage({ role: "user", content: "hello" });
  addMessage({ role: "assistant", content: "He", stream: true });
  addMessage({ role: "assistant", content: "llo", stream: true });
  addMessage({ role: "user", content: "again" });
  addMessage({ role: "assistant", content: "Yes", stream: true });
  expect(shown(store)).toEqual(["user: hello", "assistant: Hello", "user: again", "assistant: Yes"]);
});

test("a message that is whole is never added to", () => {
  const store = createChatStore();
  const { addMessage } = store.getState();
  addMessage({ role: "assistant", content: "whole" });
  addMessage({ role: "assistant", content: "an", stream: true });
  addMessage({ role: "assistant", content: "other" });
  expect(shown(store)).toEqual(["assistant: whole", "assistant: an", "assistant: other"]);
});

test("messages that a token does not change stay the same objects", () => {
  const store = createChatStore();
  const { addMessage, receive } = store.getState();
  addMessage({ role: "user", content: "hello" });
  receive(text("a"));
  const [first] = store.getState().messages;
  receive(text("b"));
  expect(store.getState().messages[0]).toBe(first);
});

test("events make an answer with its calls, and the store knows when nothing is waited for any more", () => {
  const store = createChatStore();
  const { addMessage, receive } = store.getState();
  addMessage({ role: "user", content: "list pods" });
  receive({ type: "thinking", data: { message: "Processing..." } });
  expect(store.getState()).toMatchObject({ thinking: "Processing...", pending: 1 });
  receive(text("Here "));
  const call = { tool_name: "k8s_list_pods", arguments: { allNamespaces: true }, call_id: "k1", conversation_id };
  receive({ type: "tool_call_start", data: call });
  expect(store.getState()).toMatchObject({ thinking: undefined, toolCalls: [{ ...call, status: "running" }] });
  receive({ type: "tool_call_end", data: { ...call, result: "pod1", status: "completed" } });
  expect(store.getState().toolCalls).toEqual([{ ...call, result: "pod1", status: "completed" }]);
  receive(text("they are"));
  receive(complete("Here they are"));
  expect(shown(store)).toEqual(["user: list pods", "assistant: Here they are"]);
  expect(store.getState()).toMatchObject({ pending: 0, conversationId: "c1" });
});

test("calls of the document, which have no id, are known by tool and arguments", () => {
  const store = createChatStore();
  const { addToolCall } = store.getState();
  const [one, other] = [1, 2].map((limit) => ({ tool_name: "list_pods", arguments: { limit } }));
  if (one === undefined || other === undefined) throw new Error("There are two.");
  addToolCall(one);
  addToolCall(other);
  addToolCall({ ...one, result: "pod1", status: "completed" });
  expect(store.getState().toolCalls.map(({ status }) => status)).toEqual(["completed", "running"]);
  addToolCall(one);
  expect(store.getState().toolCalls.map(({ status }) => status)).toEqual(["completed", "running", "running"]);
});

test("an answer goes on where it began, although the user has said something meanwhile", () => {
  const store = createChatStore();
  const { addMessage, receive } = store.getState();
  addMessage({ role: "user", content: "one" });
  receive(text("a"));
  addMessage({ role: "user", content: "two" });
  receive(text("b"));
  receive(complete("ab"));
  expect(store.getState().pending).toBe(1);
  receive(text("c"));
  receive(complete("c"));
  expect(shown(store)).toEqual(["user: one", "assistant: ab", "user: two", "assistant: c"]);
});

test("an answer whose connection was lost keeps its text, and the next one does not go on in it", () => {
  const store = createChatStore();
  const { addMessage, receive } = store.getState();
  addMessage({ role: "user", content: "one" });
  receive(text("half"));
  receive({ type: "tool_call_start", data: { tool_name: "k8s_list_pods", arguments: {}, call_id: "k1" } });
  receive(error("CONNECTION_LOST"));
  expect(store.getState()).toMatchObject({ pending: 0, toolCalls: [{ status: "failed" }] });
  addMessage({ role: "user", content: "two" });
  receive(text("whole"));
  expect(shown(store)).toEqual([
    "user: one",
    "assistant: halfIt was CONNECTION_LOST.",
    "user: two",
    "assistant: whole",
  ]);
});

test("a second message that is refused does not end the answer to the first", () => {
  const store = createChatStore();
  const { addMessage, receive } = store.getState();
  addMessage({ role: "user", content: "one" });
  receive(text("a"));
  addMessage({ role: "user", content: "" });
  receive(error("EMPTY_MESSAGE"));
  receive(text("b"));
  expect(shown(store)).toEqual(["user: one", "assistant: ab", "user: ", "system: It was EMPTY_MESSAGE."]);
  expect(store.getState().pending).toBe(1);
});

test("a new conversation begins with nothing", () => {
  const store = createChatStore();
  store.getState().addMessage({ role: "user", content: "one" });
  store.getState().receive(text("a"));
  store.getState().clear();
  expect(store.getState()).toMatchObject({ messages: [], toolCalls: [], conversationId: undefined, pending: 0 });
});
