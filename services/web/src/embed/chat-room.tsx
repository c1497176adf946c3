import { createClient, type Client } from "@parley/client";
import { ParleyProvider } from "@parley/react";
import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { createApi, type Api } from "../api/api.ts";
import { createFileCalls } from "../api/file-calls.ts";
import { createHttp } from "../api/http.ts";
import { ApiProvider } from "../api/use-api.ts";
import { DraftsOf, type KeptTexts } from "../chat/kept-texts.ts";
import { createSettingsStore } from "../settings/settings-store.ts";
import { SettingsProvider } from "../settings/use-settings.ts";
import allCss from "../styles/all.css?inline";
import { SelectionRoot } from "../text/kept-selection.ts";
import { WordsProvider } from "../words/use-words.ts";
import { socketUrl, type Attributes, type GetToken } from "./attributes.ts";
import { createChosen } from "./chosen.ts";
import { createEmbeddedDrafts } from "./embedded-drafts.ts";
import type { KeptStore } from "./kept.ts";
import { refusesOrigin } from "./origin-check.ts";
import { RoomView, type Answer } from "./room-view.tsx";
import { withAgent } from "./with-agent.ts";

export interface RoomOptions {
  /** What is shown is shown here. */
  readonly place: HTMLElement;
  /** Puts the styles where they count. */
  readonly adopt: (css: string) => void;
  /** Undefined: the cookie of whoever signed in at the page of the server. */
  readonly getToken: GetToken | undefined;
  readonly attributes: Attributes;
  readonly kept: KeptStore;
  readonly onUnread: (count: number) => void;
  readonly onAnswer: (answer: Answer) => void;
  /** The server takes us no more; the reason is a sentence of its own. */
  readonly onEnded: (reason: string) => void;
  /** The server accepts no pages from where this one is. */
  readonly onOriginRefused: () => void;
}

/** The chat with one server, whether it is seen or not. */
export interface ChatRoom {
  readonly update: (attributes: Attributes) => void;
  /** Leaves the conversation for a new one. */
  readonly startAnew: () => void;
  readonly close: () => void;
}

export function openChatRoom(options: RoomOptions): ChatRoom {
  const { place, kept, getToken, onUnread, onAnswer } = options;
  let { attributes } = options;
  options.adopt(allCss);
  const client = connect(options);
  let { drafts, viewerId } = visitorOf(attributes, undefined);
  const shownBy = surroundingsOf(client, attributes, getToken);
  const root = createRoot(place);
  const chosen = createChosen({
    ...{ client, kept, named: attributes.conversation },
    onChange: () => {
      onUnread(0);
      render();
    },
  });
  const handlers = {
    ...{ kept, onUnread, onAnswer },
    ...{ onStarted: chosen.start, onRefused: chosen.refused, onNew: chosen.startAnew },
  };
  const render = (): void => {
    const [{ language, isOpen }, { id: conversationId, isNew }] = [attributes, chosen.now()];
    // Another conversation is another room: nothing of the one before is left in it.
    const shown = { conversationId, viewerId, isNew, isOpen, ...handlers };
    root.render(
      <Surroundings {...shownBy} {...{ drafts, language, place }}>
        <RoomView key={`${conversationId} ${isNew}`} {...shown} />
      </Surroundings>,
    );
  };
  const stopListening = kept.onOther(chosen.changedElsewhere);
  onVisitor(client, (userId) => {
    kept.become(userId);
    ({ drafts, viewerId } = visitorOf(attributes, userId));
    chosen.become();
    render();
  });
  render();
  return {
    update(next) {
      attributes = next;
      render();
    },
    startAnew: chosen.startAnew,
    close() {
      stopListening();
      root.unmount();
      client.close();
    },
  };
}

function visitorOf(attributes: Attributes, viewerId: string | undefined) {
  return { viewerId, drafts: createEmbeddedDrafts(attributes, window, viewerId) };
}

/** Whose token it is, only the server knows. */
function onVisitor(client: Client, become: (userId: string) => void): void {
  let known: string | undefined;
  client.on("state", (state) => {
    if (state.name !== "ready" || state.user === undefined || state.user.id === known) return;
    known = state.user.id;
    become(known);
  });
}

function connect({ attributes, getToken, onEnded, onOriginRefused }: RoomOptions): Client {
  const client = createClient({ url: socketUrl(attributes.server), getToken: getToken ?? (() => null) });
  let isOver = false;
  let isFirst = true;
  client.on("state", (state) => {
    // Whoever was let in once is not refused for where they are.
    if (isFirst && state.name === "waiting")
      void refusesOrigin(attributes.server).then((isRefused) => isRefused && !isOver && onOriginRefused());
    if (state.name === "ready" || state.name === "waiting") isFirst = false;
    if (state.name === "closed" && !isOver) onEnded(state.reason);
  });
  client.connect().catch(() => undefined);
  const close = (): void => {
    isOver = true;
    client.close();
  };
  const given = withAgent(client, attributes.agent);
  return {
    ...given,
    get isOnline() {
      return client.isOnline;
    },
    get state() {
      return client.state;
    },
    close,
    [Symbol.dispose]: close,
  };
}

interface SurroundingsProps {
  readonly client: Client;
  readonly api: Api;
  readonly settings: ReturnType<typeof createSettingsStore>;
  readonly drafts: KeptTexts;
  readonly language: Attributes["language"];
  /** In which all of it is. */
  readonly place: HTMLElement;
  readonly children: ReactNode;
}

function surroundingsOf(client: Client, { server, agent, language }: Attributes, getToken: GetToken | undefined) {
  const authorize = async (): Promise<string | null> => (getToken === undefined ? null : await getToken());
  const how = { base: server === location.origin ? "" : server, authorize };
  // Files are shown, and none are brought: docs/embedding.md says why.
  const { upload: _, ...files } = createFileCalls(how);
  const api = createApi(createHttp(how), files);
  // The page has chosen the agent.
  const agents = agent === undefined ? api.agents : async () => ({ ...(await api.agents()), agents: [] });
  // What a page embeds keeps no settings in it: they are its attributes.
  const settings = createSettingsStore({ defaults: { theme: "system", language, sendsWithEnter: true } });
  return { client, settings, api: { ...api, agents } };
}

function Surroundings({ client, api, settings, drafts, language, place, children }: SurroundingsProps) {
  const root = place.getRootNode();
  return (
    <ParleyProvider client={client}>
      <ApiProvider value={api}>
        <SettingsProvider value={settings}>
          <WordsProvider language={language}>
            <DraftsOf value={drafts}>
              <SelectionRoot value={root instanceof ShadowRoot ? root : undefined}>{children}</SelectionRoot>
            </DraftsOf>
          </WordsProvider>
        </SettingsProvider>
      </ApiProvider>
    </ParleyProvider>
  );
}
