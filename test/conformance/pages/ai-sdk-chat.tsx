import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses as isDecided } from "ai";

export function Chat({ id, server = "http://localhost:8000/api/ai/chat", version = 6 }) {
  const transport = new DefaultChatTransport({ api: `${server}?v=${version}` });
  const chat = useChat({ id, transport, resume: true, sendAutomaticallyWhen: isDecided });
  const allow = ({ approval, toolName }) => (
    <button onClick={() => chat.addToolApprovalResponse({ id: approval.id, approved: true })}>Allow {toolName}</button>
  );
  const show = (part) => (part.state === "approval-requested" ? allow(part) : part.type === "text" && part.text);
  const shown = ({ id: key, parts }) => <p key={key}>{parts.map(show)}</p>;
  return (
    <main>
      {chat.messages.map(shown)}
      <form action={(form) => chat.sendMessage({ text: form.get("text") })}>
        <input name="text" />
      </form>
      <button onClick={() => fetch(`${server}/${id}/stop`, { method: "POST" })}>Stop</button>
      {chat.error && <button onClick={() => chat.resumeStream()}>Go on: {chat.error.message}</button>}
      <i>{chat.status}</i>
    </main>
  );
}
