import { createClient } from "@parley/client";
import { ParleyProvider } from "@parley/react";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import type { Api } from "../../../src/api/api.ts";
import { ApiProvider } from "../../../src/api/use-api.ts";
import { ConversationPage } from "../../../src/chat/conversation-page.tsx";
import "../../../src/styles/all.css";
import { createScriptedServer, markdownOf, transcriptOf } from "./scripted-server.ts";
import "./stage.css";

/** The conversation pane alone, with a server inside the page: `?messages=10000&subscription=FORBIDDEN&new&slow`. */

const query = new URLSearchParams(location.search);
const subscription = (["NOT_FOUND", "FORBIDDEN", "OVERLOADED", "never"] as const).find(
  (name) => name === query.get("subscription"),
);
const server = createScriptedServer({
  transcript: transcriptOf(Number(query.get("messages") ?? "0")),
  pageLength: Number(query.get("page") ?? "100"),
  ...(subscription === undefined ? {} : { subscription }),
});
const client = createClient({ url: "ws://scripted", WebSocket: server.WebSocket });
void client.connect();

const examples = ["List the pods that restart", "What changed since yesterday?", "Explain this deployment"];
const api = {
  messages: (_id: string, before?: string) => server.page(before),
  feedback: async () => undefined,
  agents: async () => ({
    agents: [
      { name: "general", description: "Answers whatever is asked.", examples },
      { name: "kubernetes", description: "Looks after clusters: reads, explains and changes them." },
    ],
    models: [{ name: "small" }, { name: "large", title: "Large" }],
    simulated: { model: true, cluster: true },
  }),
};

/** What the browser itself says of the page, from its beginning on. */
const longTasks: number[] = [];
const shifts: number[] = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
  type: "longtask",
  buffered: true,
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if ("value" in entry)
      (shifts.push(Number(entry.value)),
        ((globalThis as any).src = [
          ...((globalThis as any).src ?? []),
          (entry as any).sources.map((x: any) =>
            [x.node?.className || x.node?.nodeName, x.previousRect.y, x.currentRect.y].join(" "),
          ),
        ]));
}).observe({ type: "layout-shift", buffered: true });

function Stage() {
  const [id, setId] = useState(server.conversationId);
  const [isNew, setNew] = useState(query.has("new"));
  Object.assign(globalThis, { stage: { server, client, longTasks, shifts, markdownOf, open: setId } });
  return (
    <ApiProvider value={api as unknown as Api}>
      <ParleyProvider client={client}>
        <ConversationPage
          conversationId={id}
          onStarted={isNew ? () => setNew(false) : undefined}
          onNew={() => undefined}
        />
      </ParleyProvider>
    </ApiProvider>
  );
}

const place = document.getElementById("root");
if (place === null) throw new Error("The page has no #root.");
const theme = query.get("theme");
if (theme !== null) document.documentElement.dataset["theme"] = theme;
createRoot(place).render(
  <StrictMode>
    <Stage />
  </StrictMode>,
);
