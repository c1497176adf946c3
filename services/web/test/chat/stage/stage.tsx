import { createClient } from "@parley/client";
import { ParleyProvider } from "@parley/react";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import type { Api } from "../../../src/api/api.ts";
import { ApiProvider } from "../../../src/api/use-api.ts";
import { later } from "../../../src/app/later.tsx";
import type { PeoplePanelProps } from "../../../src/people/people-panel.tsx";
import { ConversationPage } from "../../../src/chat/conversation-page.tsx";
import { createPaintProbe } from "./paint-probe.ts";
import { WordsProvider } from "../../../src/words/use-words.ts";
import { room, roomApi, roomChanges, roomFrames, roomReads, roomTranscript, viewer } from "./scripted-room.ts";
import { createScriptedServer, markdownOf, transcriptOf } from "./scripted-server.ts";

/** The conversation pane alone, with a server inside the page: `?messages=10000&page=1000&tail=300&subscription=FORBIDDEN&new&theme=dark&room&language=de`. */

const query = new URLSearchParams(location.search);
const subscription = (["NOT_FOUND", "FORBIDDEN", "OVERLOADED", "never"] as const).find(
  (name) => name === query.get("subscription"),
);
const isRoom = query.has("room");
const earlier = transcriptOf(Number(query.get("messages") ?? "0"));
const server = createScriptedServer({
  transcript: isRoom ? [...earlier, ...roomTranscript] : earlier,
  more: isRoom ? { room, changes: roomChanges, reads: roomReads } : undefined,
  pageLength: Number(query.get("page") ?? "50"),
  tailLength: Number(query.get("tail") ?? "50"),
  user: isRoom ? viewer : undefined,
  ...(subscription === undefined ? {} : { subscription }),
});
if (isRoom) server.others = roomFrames(server);
const client = createClient({
  url: "ws://scripted",
  WebSocket: server.WebSocket,
  ...(isRoom ? { getToken: () => "of the viewer" } : {}),
});
void client.connect();

const examples = ["List the pods that restart", "What changed since yesterday?", "Explain this deployment"];
const notNeeded = () => Promise.reject(new Error("The stage has no such thing."));
const api: Api = {
  listConversations: notNeeded,
  renameConversation: notNeeded,
  deleteConversation: notNeeded,
  messages: (_id, before) => server.page(before),
  wholeResult: notNeeded,
  feedback: () => Promise.resolve(),
  agents: () =>
    Promise.resolve({
      agents: [
        { name: "general", description: "Answers whatever is asked.", examples },
        { name: "kubernetes", description: "Looks after clusters: reads, explains and changes them." },
      ],
      models: [{ name: "small" }, { name: "large", title: "Large" }],
      simulated: { model: true, cluster: true },
    }),
  openApprovals: notNeeded,
  approval: notNeeded,
  decide: notNeeded,
  me: notNeeded,
  signIns: notNeeded,
  endSignIn: notNeeded,
  endAllSignIns: notNeeded,
  connections: notNeeded,
  connect: notNeeded,
  disconnect: notNeeded,
  notices: notNeeded,
  wantNotices: notNeeded,
  addNoticeDevice: notNeeded,
  removeNoticeDevice: notNeeded,
  memory: notNeeded,
  switchMemory: notNeeded,
  editFact: notNeeded,
  forgetFact: notNeeded,
  forgetAll: notNeeded,
  searchMessages: notNeeded,
  handovers: notNeeded,
  takeHandover: notNeeded,
  giveBack: notNeeded,
  askForPerson: notNeeded,
  withdrawHandover: notNeeded,
  people: notNeeded,
  addMember: notNeeded,
  setMemberRole: notNeeded,
  removeMember: notNeeded,
  invite: notNeeded,
  revokeInvite: notNeeded,
  join: notNeeded,
  setAnswerRule: notNeeded,
  ...(isRoom ? roomApi() : {}),
};

/** What the browser itself says of the page, from its beginning on. */
const longTasks: number[] = [];
const shifts: number[] = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
  type: "longtask",
  buffered: true,
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if ("value" in entry) shifts.push(Number(entry.value));
}).observe({ type: "layout-shift", buffered: true });

function scroller(): Element {
  const log = document.querySelector('[role="log"]');
  if (log === null) throw new Error("There is no list of messages.");
  return log;
}

const panel = later<PeoplePanelProps>(async () => (await import("../../../src/people/people-panel.tsx")).PeoplePanel);

function Stage() {
  const [id, setId] = useState(server.conversationId);
  const [isNew, setNew] = useState(query.has("new"));
  const probe = () => createPaintProbe(scroller());
  Object.assign(globalThis, { stage: { server, client, longTasks, shifts, markdownOf, scroller, probe, open: setId } });
  return (
    <WordsProvider language={query.get("language") === "de" ? "de" : "en"}>
      <ApiProvider value={api}>
        <ParleyProvider client={client}>
          <ConversationPage
            conversationId={id}
            userId={isRoom ? viewer.id : undefined}
            peoplePanel={isRoom ? panel.Part : undefined}
            onStarted={isNew ? () => setNew(false) : undefined}
            onNew={() => undefined}
          />
        </ParleyProvider>
      </ApiProvider>
    </WordsProvider>
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
