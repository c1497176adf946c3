import {
  ParleyProvider,
  useChatStore,
  useChatWebSocket,
  useConnection,
  useConversation,
  useConversationList,
  useHistory,
  useMessages,
  useSend,
} from "@parley/react";
import { createClient } from "@parley/client";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";

const never = (): Promise<never> => new Promise(() => undefined);

function Chat() {
  const conversation = useConversation("c1");
  const { outgoing } = useSend(conversation);
  const { older, hasMore } = useHistory(conversation, never);
  const { items, status } = useConversationList({ loadPage: never });
  const { state, isOnline } = useConnection();
  const { status: socket } = useChatWebSocket();
  const counts = [useMessages(conversation), outgoing, older, items, useChatStore().messages].map((one) => one.length);
  return [...counts, status, state.name, hasMore, isOnline, socket].join(" ");
}

test("a server renders an empty conversation, and opens no socket", () => {
  class NoSocket {
    constructor() {
      throw new Error("A socket was opened.");
    }
    readonly send = () => undefined;
    readonly close = () => undefined;
    readonly addEventListener = () => undefined;
  }
  using client = createClient({ url: "ws://127.0.0.1/ws/chat", WebSocket: NoSocket });
  const page = renderToString(
    <ParleyProvider client={client}>
      <Chat />
    </ParleyProvider>,
  );
  expect(page).toBe("0 0 0 0 0 loading idle true true idle");
});
