import { createClient } from "@parley/client";
import { ParleyProvider } from "@parley/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiProvider } from "../../src/api/use-api.ts";
import { createApi } from "../../src/api/api.ts";
import { Message } from "../../src/message/message.tsx";
import "../../src/styles/all.css";
import { isLanguage } from "../../src/words/language.ts";
import { WordsProvider } from "../../src/words/use-words.ts";
import { createScriptedServer } from "../chat/stage/scripted-server.ts";
import "./gallery.css";
import { states } from "./states.ts";

const asked = new URLSearchParams(location.search);
document.documentElement.dataset["theme"] = asked.get("theme") ?? "light";
const wanted = asked.get("language");
const server = createScriptedServer({ transcript: [] });
const client = createClient({ url: "ws://gallery.invalid/ws/chat", WebSocket: server.WebSocket });
const { conversationId } = server;
const api = createApi(() => Promise.resolve({ call_id: "r1", tool_name: "pod_log", arguments: {}, result: "whole" }));

const place = document.getElementById("root");
if (place === null) throw new Error("The page has no #root.");
createRoot(place).render(
  <StrictMode>
    <WordsProvider language={isLanguage(wanted) ? wanted : "en"}>
      <ApiProvider value={api}>
        <ParleyProvider client={client}>
          <main className="gallery">
            {states.map(({ name, message }) => (
              <section key={name} id={name.replaceAll(" ", "-")}>
                <h2 className="gallery-name">{name}</h2>
                <Message conversationId={conversationId} message={message} />
              </section>
            ))}
          </main>
        </ParleyProvider>
      </ApiProvider>
    </WordsProvider>
  </StrictMode>,
);

// Not before everything is mounted.
await new Promise((resolve) => setTimeout(resolve, 500));
await client.connect();
await client.conversation(conversationId).subscribe();
const begun = states.find(({ name }) => name === "begins")?.message.turn_id;
const step = { type: "progress", turn_id: begun, attempt: 1 };
server.event({
  ...step,
  n: 1,
  step: "agent_routing",
  message: "Choosing an agent",
  agent: "kubernetes",
  confidence: 0.87,
});
server.event({
  ...step,
  n: 2,
  step: "rag_retrieval",
  message: "Looking for documents",
  sources: [{ title: "Runbook" }],
});
server.event({ ...step, n: 3, step: "generating", message: "Writing the answer" });
const running = states.find(({ name }) => name === "tool runs")?.message;
const part = running?.parts.at(-1);
const call_id = part !== undefined && "call_id" in part ? part.call_id : "";
server.event({ type: "tool_call_progress", turn_id: running?.turn_id, call_id, message: "12 of 40 namespaces" });
