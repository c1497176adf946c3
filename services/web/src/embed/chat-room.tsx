import { createClient, type Client } from "@parley/client";
import { ParleyProvider } from "@parley/react";
import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { createApi, type Api } from "../api/api.ts";
import { createHttp } from "../api/http.ts";
import { ApiProvider } from "../api/use-api.ts";
import { createSettingsStore } from "../settings/settings-store.ts";
import { SettingsProvider } from "../settings/use-settings.ts";
import allCss from "../styles/all.css?inline";
import { WordsProvider } from "../words/use-words.ts";
import { socketUrl, type Attributes, type GetToken } from "./attributes.ts";
import type { KeptStore } from "./kept.ts";
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
  const shownBy = surroundingsOf(client, attributes, getToken);
  const root = createRoot(place);
  const newId = (): string => client.conversation().id;
  const knownId = (): string | undefined => attributes.conversation ?? kept.read()?.conversation;
  let id = knownId() ?? newId();
  let isNew = knownId() === undefined;
  let isStarted = false;
  const onStarted = (): void => void (isStarted = true);
  const startAnew = (): void => go(newId(), true);
  const onRefused = (isMissing: boolean): void => {
    // Nobody has written in it yet, or it was deleted before our eyes, which is shown.
    if (isNew || isStarted) return;
    if (attributes.conversation === undefined) startAnew();
    else if (isMissing) {
      // The page may name one that is only to be.
      isNew = true;
      render();
    }
  };

  const render = (): void => {
    const { language, isOpen } = attributes;
    root.render(
      <Surroundings {...shownBy} language={language}>
        <RoomView
          // Another conversation is another room: nothing of the one before is left in it.
          key={`${id} ${isNew}`}
          {...{ conversationId: id, isNew, isOpen, kept, onUnread, onAnswer, onStarted, onRefused }}
          onNew={startAnew}
        />
      </Surroundings>,
    );
  };
  const go = (next: string, isNext: boolean): void => {
    if (next === id) return;
    [id, isNew, isStarted] = [next, isNext, false];
    onUnread(0);
    render();
  };
  // Two tabs, of which one has begun: what was not begun here goes on there.
  const stopListening = kept.onOther(() => {
    const other = kept.read()?.conversation;
    if (attributes.conversation === undefined && !isStarted && other !== undefined) go(other, false);
  });
  render();
  return {
    update(next) {
      attributes = next;
      render();
    },
    startAnew,
    close() {
      stopListening();
      root.unmount();
      client.close();
    },
  };
}

function connect({ attributes, getToken, onEnded }: RoomOptions): Client {
  const client = createClient({ url: socketUrl(attributes.server), getToken: getToken ?? (() => null) });
  let isOver = false;
  client.on("state", (state) => {
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
  readonly language: Attributes["language"];
  readonly children: ReactNode;
}

function surroundingsOf(client: Client, { server, agent, language }: Attributes, getToken: GetToken | undefined) {
  const authorize = async (): Promise<string | null> => (getToken === undefined ? null : await getToken());
  const api = createApi(createHttp({ base: server === location.origin ? "" : server, authorize }));
  // The page has chosen the agent.
  const agents = agent === undefined ? api.agents : async () => ({ ...(await api.agents()), agents: [] });
  // What a page embeds keeps no settings in it: they are its attributes.
  const settings = createSettingsStore({ defaults: { theme: "system", language, sendsWithEnter: true } });
  return { client, settings, api: { ...api, agents } };
}

function Surroundings({ client, api, settings, language, children }: SurroundingsProps) {
  return (
    <ParleyProvider client={client}>
      <ApiProvider value={api}>
        <SettingsProvider value={settings}>
          <WordsProvider language={language}>{children}</WordsProvider>
        </SettingsProvider>
      </ApiProvider>
    </ParleyProvider>
  );
}
