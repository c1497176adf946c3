import { createClient } from "@parley/client";
import { isText, type MessageView, type Part } from "@parley/protocol/fold";
import { ParleyProvider, useConversation, useMessages, useOpenTurn, useQueue, useSend, useTitle } from "@parley/react";
import { memo, useEffect } from "react";
import { createRoot } from "react-dom/client";

/** How often each component was rendered, how many frames there were, and how many changes of the view; the test reads them. */
const counts: Record<string, number> = {};
Object.assign(globalThis, { counts });
const count = (name: string): void => void (counts[name] = (counts[name] ?? 0) + 1);

const getToken = async () => (await fetch("/token")).text();
const client = createClient({ url: `ws://${location.host}/ws/chat`, getToken, WebSocket });
void client.connect();

const PartView = memo(function PartView({ part, name }: { readonly part: Part; readonly name: string }) {
  count(`part ${name}`);
  return <span>{isText(part) ? part.text : `[${part.type}]`}</span>;
});

const MessageBox = memo(function MessageBox({ message, at }: { readonly message: MessageView; readonly at: number }) {
  count(`message ${at}`);
  return (
    <li data-status={message.status}>
      {message.parts.map((part, place) => (
        <PartView key={String(place)} part={part} name={`${at}.${place}`} />
      ))}
    </li>
  );
});

function Messages() {
  count("list");
  const messages = useMessages(useConversation("counted"));
  return (
    <ol>
      {messages.map((message, at) => (
        <MessageBox key={message.message_id} message={message} at={at} />
      ))}
    </ol>
  );
}

function Header() {
  count("header");
  const conversation = useConversation("counted");
  const { send } = useSend(conversation);
  useEffect(() => conversation.on("change", () => count("change")), [conversation]);
  Object.assign(globalThis, { say: (text: string) => send(text) });
  return <h1>{`${useTitle(conversation) ?? ""} ${useQueue(conversation).length}`}</h1>;
}

function Running() {
  count("running");
  return <p>{useOpenTurn(useConversation("counted"))?.status ?? "idle"}</p>;
}

function countFrames(): void {
  count("frame");
  requestAnimationFrame(countFrames);
}
requestAnimationFrame(countFrames);

createRoot(document.body.appendChild(document.createElement("main"))).render(
  <ParleyProvider client={client}>
    <Header />
    <Messages />
    <Running />
  </ParleyProvider>,
);
