// The page of seed A, written from its document alone: nothing here is known from anywhere else.
import { useChatStore, useChatWebSocket } from "@parley/react";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

function ChatPage() {
  const { messages, toolCalls, addMessage, addToolCall } = useChatStore();
  const [conversationId] = useState(() => crypto.randomUUID());
  const [thinking, setThinking] = useState(null);
  const [loading, setLoading] = useState(false);
  const [input, setInput] = useState("");

  const handleEvent = (event) => {
    switch (event.type) {
      case "thinking":
        setThinking(event.data.message);
        break;
      case "text":
        setThinking(null);
        addMessage({ role: "assistant", content: event.data.text, stream: true });
        break;
      case "tool_call_start":
      case "tool_call_end":
        addToolCall(event.data);
        break;
      case "complete":
        setLoading(false);
        break;
      case "error":
        setLoading(false);
        addMessage({ role: "assistant", content: `Error: ${event.data.error}` });
        break;
    }
  };

  const { connect, send, disconnect, isConnected } = useChatWebSocket({ onMessage: handleEvent });

  useEffect(() => {
    connect();
    return () => disconnect();
  }, [connect, disconnect]);

  const sendMessage = (event) => {
    event.preventDefault();
    addMessage({ role: "user", content: input });
    setLoading(true);
    send({ message: input, conversation_id: conversationId });
    setInput("");
  };

  return (
    <form onSubmit={sendMessage}>
      <div data-testid="status">{isConnected ? "connected" : "disconnected"}</div>
      <ul data-testid="messages">
        {messages.map((message) => (
          <li key={message.id} className={message.role}>
            {message.content}
          </li>
        ))}
      </ul>
      <ul data-testid="tools">
        {toolCalls.map((call, index) => (
          <li key={index}>
            {call.tool_name}: {call.status}
          </li>
        ))}
      </ul>
      <p data-testid="thinking">{thinking}</p>
      <input aria-label="Message" value={input} onChange={(event) => setInput(event.target.value)} />
      <button disabled={loading}>Send</button>
    </form>
  );
}

createRoot(document.body.appendChild(document.createElement("main"))).render(<ChatPage />);
