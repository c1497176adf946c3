import { createRoot } from "react-dom/client";
import { ChatPage } from "./ai-sdk-chat.tsx";

const asked = new URLSearchParams(location.search);
const id = asked.get("chat") ?? "chat";
const server = `${asked.get("edge")}/api/ai/chat`;
createRoot(document.getElementById("root")).render(
  <ChatPage id={id} server={server} version={Number(asked.get("v"))} />,
);
