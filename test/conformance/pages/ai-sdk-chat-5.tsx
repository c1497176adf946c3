import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";

/** The fifth keeps what it has when a connection breaks, and would add the replay to it: an error of another kind makes it begin the message anew. */
async function fetchOrFail(address, options) {
  const response = await fetch(address, options);
  if (response.status !== 200) return response;
  const reader = response.body.getReader();
  const pull = async (controller) => {
    try {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    } catch {
      controller.error(new Error("The connection broke."));
    }
  };
  return new Response(new ReadableStream({ pull, cancel: (reason) => reader.cancel(reason) }), response);
}

export function ChatPage({ id, server = "http://localhost:8000/api/ai/chat" }) {
  const { messages, sendMessage, status, error, resumeStream } = useChat({
    id,
    resume: true,
    transport: new DefaultChatTransport({ api: `${server}?v=5`, fetch: fetchOrFail }),
  });
  const allow = (call) =>
    fetch(`${server}/${id}/approvals/${call}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ approved: true }),
    });
  const show = (part) => {
    if (part.type === "text") return part.text;
    if (part.type !== "data-approval" || part.data.approved !== undefined) return null;
    return <button onClick={() => allow(part.data.call_id)}>Allow {part.data.tool_name}</button>;
  };
  return (
    <main>
      {messages.map(({ id: key, parts }) => (
        <p key={key}>{parts.map(show)}</p>
      ))}
      <form action={(form) => sendMessage({ text: form.get("text") })}>
        <input name="text" />
      </form>
      <button onClick={() => fetch(`${server}/${id}/stop`, { method: "POST" })}>Stop</button>
      {error && <button onClick={() => resumeStream()}>Go on: {error.message}</button>}
      <i>{status}</i>
    </main>
  );
}
