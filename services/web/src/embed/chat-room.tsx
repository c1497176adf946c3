import { createClient, type Client } from "@parley/client";
import { ParleyProvider } from "@parley/react";
import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { createApi, type Api } from "../api/api.ts";
import { createHttp } from "../api/http.ts";
import { ApiProvider } from "../api/use-api.ts";
import { createTextsInMemory, DraftsOf, type KeptTexts } from "../chat/kept-texts.ts";
import { createSettingsStore } from "../settings/settings-store.ts";
import { SettingsProvider } from "../settings/use-settings.ts";
import allCss from "../styles/all.css?inline";
import { SelectionRoot } from "../text/kept-selection.ts";
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
  const shadow = place.getRootNode();
  const within = shadow instanceof ShadowRoot ? shadow : undefined;
  const root = createRoot(place);
  const chosen = createChosen(client, attributes.conversation ?? kept.read()?.conversation);
  const go = (id: string, isNew: boolean): void => {
    if (!chosen.change(id, isNew)) return;
    onUnread(0);
    render();
  };
  const startAnew = (): void => go(client.conversation().id, true);
  const onRefused = (isMissing: boolean): void => {
    if (chosen.isBegunHere()) return;
    if (attributes.conversation === undefined) startAnew();
    // The page may name one that is only to be.
    else if (isMissing) {
      chosen.becomeNew();
      render();
    }
  };

  const handlers = { kept, onUnread, onAnswer, onStarted: chosen.start, onRefused, onNew: startAnew };
  const render = (): void => {
    const [{ language, isOpen }, { id: conversationId, isNew }] = [attributes, chosen.now()];
    // Another conversation is another room: nothing of the one before is left in it.
    const room = <RoomView key={`${conversationId} ${isNew}`} {...{ conversationId, isNew, isOpen }} {...handlers} />;
    root.render(
      <Surroundings {...shownBy} language={language} root={within}>
        {room}
      </Surroundings>,
    );
  };
  // Two tabs, of which one has begun: what was not begun here goes on there.
  const stopListening = kept.onOther(() => {
    const other = kept.read()?.conversation;
    if (attributes.conversation === undefined && !chosen.now().isStarted && other !== undefined) go(other, false);
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

interface Chosen {
  readonly id: string;
  /** Nobody has written in it yet, as far as is known here. */
  readonly isNew: boolean;
  /** Somebody has, here. */
  readonly isStarted: boolean;
}

/** Which conversation is shown. */
function createChosen(client: Client, known: string | undefined) {
  let chosen: Chosen = { id: known ?? client.conversation().id, isNew: known === undefined, isStarted: false };
  return {
    now: () => chosen,
    /** Then a server that does not know it says nothing new: it is not there yet, or was deleted before our eyes, which is shown. */
    isBegunHere: () => chosen.isNew || chosen.isStarted,
    start: () => void (chosen = { ...chosen, isStarted: true }),
    becomeNew: () => void (chosen = { ...chosen, isNew: true }),
    /** False: it is shown already. */
    change: (id: string, isNew: boolean) => {
      if (id === chosen.id) return false;
      chosen = { id, isNew, isStarted: false };
      return true;
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
  readonly root: ShadowRoot | undefined;
  readonly children: ReactNode;
}

function surroundingsOf(client: Client, { server, agent, language }: Attributes, getToken: GetToken | undefined) {
  const authorize = async (): Promise<string | null> => (getToken === undefined ? null : await getToken());
  const api = createApi(createHttp({ base: server === location.origin ? "" : server, authorize }));
  // The page has chosen the agent.
  const agents = agent === undefined ? api.agents : async () => ({ ...(await api.agents()), agents: [] });
  // What a page embeds keeps no settings in it: they are its attributes.
  const settings = createSettingsStore({ defaults: { theme: "system", language, sendsWithEnter: true } });
  // Whose token it is, only the server knows: what is typed here is for this room alone.
  return { client, settings, drafts: createTextsInMemory(), api: { ...api, agents } };
}

function Surroundings({ client, api, settings, drafts, language, root, children }: SurroundingsProps) {
  return (
    <ParleyProvider client={client}>
      <ApiProvider value={api}>
        <SettingsProvider value={settings}>
          <WordsProvider language={language}>
            <DraftsOf value={drafts}>
              <SelectionRoot value={root}>{children}</SelectionRoot>
            </DraftsOf>
          </WordsProvider>
        </SettingsProvider>
      </ApiProvider>
    </ParleyProvider>
  );
}
