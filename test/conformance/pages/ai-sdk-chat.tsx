import { Chat, useChat } from "@ai-sdk/react";
import { DefaultChatTransport as Http, lastAssistantMessageIsCompleteWithApprovalResponses as decided } from "ai";
import { useState } from "react";

const open = (id, api) => new Chat({ id, transport: new Http({ api }), sendAutomaticallyWhen: decided });

export function ChatPage({ id, server = "http://localhost:8000/api/ai/chat", version = 6 }) {
  const [own] = useState(() => open(id, `${server}?v=${version}`));
  const chat = useChat({ chat: own, resume: true });
  const allow = ({ approval, toolName }) => (
    <button onClick={() => chat.addToolApprovalResponse({ id: approval.id, approved: true })}>Allow {toolName}</button>
  );
  const show = (part) => (part.state === "approval-requested" ? allow(part) : part.type === "text" && part.text);
  const shown = ({ id: key, parts }) => <p key={key}>{parts.map(show)}</p>;
  return (
    <main>
      {chat.messages.map(shown)}
      <form action={(form) => void chat.sendMessage({ text: form.get("text") })}>
        <input name="text" />
      </form>
      <button onClick={() => fetch(`${server}/${id}/stop`, { method: "POST" })}>Stop</button>
      {chat.error ? <button onClick={() => chat.resumeStream()}>Go on</button> : <i>{chat.status}</i>}
    </main>
  );
}
