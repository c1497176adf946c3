import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } from "ai";

export function Chat({ id, server = "http://localhost:8000/api/ai/chat", version = 6 }) {
  const {
    messages,
    sendMessage,
    status,
    error,
    resumeStream,
    addToolApprovalResponse: decide,
  } = useChat({
    id,
    resume: true,
    transport: new DefaultChatTransport({ api: `${server}?v=${version}` }),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const show = (part) => {
    if (part.type === "text") return part.text;
    if (part.state !== "approval-requested") return null;
    return <button onClick={() => decide({ id: part.approval.id, approved: true })}>Allow {part.toolName}</button>;
  };
  return (
    <main>
      {messages.map((message) => (
        <p key={message.id} className={message.role}>
          {message.parts.map(show)}
        </p>
      ))}
      <form action={(form) => sendMessage({ text: form.get("text") })}>
        <input name="text" />
      </form>
      <button onClick={() => fetch(`${server}/${id}/stop`, { method: "POST" })}>Stop</button>
      {error ? <button onClick={() => resumeStream()}>Go on: {error.message}</button> : <i>{status}</i>}
    </main>
  );
}
