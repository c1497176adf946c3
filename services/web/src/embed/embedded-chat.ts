import tokensCss from "../styles/tokens.css?inline";
import { embedDe } from "../words/embed.de.ts";
import { embedEn, type EmbedWords } from "../words/embed.en.ts";
import { readAttributes, type Attributes, type GetToken } from "./attributes.ts";
import type { ChatRoom } from "./chat-room.tsx";
import { createCorner, type Corner } from "./corner.ts";
import embedCss from "./embed.css?inline";
import { createKeptStore, forgetKept, type KeptStore } from "./kept.ts";
import { originAdvice } from "./origin-check.ts";
import { adopt } from "./styling.ts";

/** The element, as far as the chat in it needs to know it. */
export interface Host extends HTMLElement {
  readonly getToken: GetToken | undefined;
  readonly token: string;
  open(): void;
  close(): void;
}

export interface EmbeddedChat {
  /** An attribute has changed. */
  readonly update: () => void;
  /** Who asks, or whom, has changed: what was connected is not used any more. */
  readonly reset: () => void;
  readonly dispose: () => void;
}

interface Parts {
  readonly host: Host;
  readonly root: ShadowRoot;
  readonly corner: Corner;
  attributes: Attributes;
  words: EmbedWords;
  kept: KeptStore;
  unread: number;
  /** What speaks to the server: from the first opening on, or from the start where a conversation is known. */
  room: ChatRoom | undefined;
  /** Counts what was begun: what comes from an earlier one comes too late. */
  generation: number;
  isLoading: boolean;
  isGone: boolean;
}

/**
 * The chat in an element. Visitors who never open it cost no socket and a few kilobytes: the chat itself is loaded when somebody is about to open it, or
 * when this browser has a conversation whose answers may come.
 */
export function createEmbeddedChat(host: Host, root: ShadowRoot): EmbeddedChat {
  adopt(root, tokensCss, embedCss);
  const attributes = attributesOf(host);
  const corner = createCorner(root, {
    onWanted: (isOpen) => (isOpen ? host.open() : host.close()),
    onFresh: () => parts.room?.startAnew(),
    onNear: () => void loadRoom().catch(() => undefined),
  });
  const parts: Parts = {
    ...{ host, root, corner, attributes, words: wordsOf(attributes), unread: 0 },
    ...{ kept: keptOf(attributes), room: undefined, generation: 0, isLoading: false, isGone: false },
  };
  apply(parts);
  if (!attributes.isOpen && isKnown(parts)) whenIdle(() => void begin(parts));
  return {
    update: () => apply(parts),
    reset() {
      leave(parts);
      parts.kept = keptOf(attributesOf(host));
      apply(parts);
      if (isKnown(parts)) void begin(parts);
    },
    dispose() {
      leave(parts);
      parts.isGone = true;
      if (corner.isShown()) corner.hide();
    },
  };
}

function attributesOf(host: Host): Attributes {
  const languages = [document.documentElement.lang, ...navigator.languages];
  return readAttributes(host, { scriptUrl: import.meta.url, pageUrl: document.baseURI, languages });
}

function wordsOf({ language }: Attributes): EmbedWords {
  return language === "de" ? embedDe : embedEn;
}

function keptOf(attributes: Attributes): KeptStore {
  if (!attributes.isKept) forgetKept(attributes, window);
  return createKeptStore(attributes, window);
}

/** Whether there is a conversation in which something may have happened. */
function isKnown({ attributes, kept }: Parts): boolean {
  return attributes.conversation !== undefined || kept.read() !== undefined;
}

function apply(parts: Parts): void {
  const { host, corner } = parts;
  const attributes = attributesOf(host);
  Object.assign(parts, { attributes, words: wordsOf(attributes) });
  showNames(parts);
  const isTurned = attributes.isOpen !== corner.isShown();
  if (isTurned && attributes.isOpen) corner.show();
  if (isTurned && !attributes.isOpen) corner.hide();
  if (attributes.isOpen) void begin(parts);
  parts.room?.update(attributes);
  if (isTurned) tell(parts, attributes.isOpen ? "parley-open" : "parley-close");
}

function showNames({ corner, words, attributes, unread }: Parts): void {
  corner.update({ words, label: attributes.label ?? words.label, unread });
}

function tell({ host }: Parts, name: string, detail?: object): void {
  host.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
}

function loadRoom() {
  return import("./chat-room.tsx");
}

async function begin(parts: Parts): Promise<void> {
  if (parts.room !== undefined || parts.isLoading || parts.isGone) return;
  const { generation, words } = parts;
  parts.isLoading = true;
  notice(parts, words.loading);
  try {
    const { openChatRoom } = await loadRoom();
    if (generation === parts.generation) parts.room = openRoom(parts, openChatRoom);
  } catch {
    if (generation === parts.generation) notice(parts, words.notLoaded, () => void begin(parts));
  } finally {
    if (generation === parts.generation) parts.isLoading = false;
  }
}

function openRoom(parts: Parts, open: Awaited<ReturnType<typeof loadRoom>>["openChatRoom"]): ChatRoom | undefined {
  const { host, root, corner, words, kept, attributes } = parts;
  const { getToken = host.token === "" ? undefined : () => host.token } = host;
  // Without one only a page of the server itself has something to show: the cookie of whoever signed in there.
  if (getToken === undefined && attributes.server !== location.origin) {
    notice(parts, words.noToken, () => void begin(parts));
    return undefined;
  }
  corner.body.replaceChildren();
  return open({
    place: corner.body,
    adopt: (css) => adopt(root, css, embedCss),
    ...{ getToken, kept, attributes },
    onUnread(count) {
      parts.unread = count;
      showNames(parts);
    },
    onAnswer: (detail) => tell(parts, "parley-message", detail),
    onOriginRefused() {
      // oxlint-disable-next-line no-console -- for whoever makes the page: its visitors are told nothing of its server
      console.error(originAdvice(attributes.server, location.origin));
      leave(parts);
      notice(parts, words.unavailable, () => void begin(parts));
    },
    onEnded(reason) {
      leave(parts);
      notice(parts, words.ended(reason), () => void begin(parts));
    },
  });
}

/** A sentence in the place of the chat, with a way on. */
function notice({ corner, words }: Parts, text: string, again?: () => void): void {
  const box = document.createElement("div");
  box.className = "embed-notice";
  box.role = "status";
  const sentence = document.createElement("p");
  sentence.textContent = text;
  box.append(sentence);
  if (again !== undefined) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "embed-again", textContent: words.again });
    button.addEventListener("click", again);
    box.append(button);
  }
  corner.body.replaceChildren(box);
}

function leave(parts: Parts): void {
  parts.generation += 1;
  parts.isLoading = false;
  parts.room?.close();
  parts.room = undefined;
  parts.unread = 0;
}

/** What the page itself does comes first. */
function whenIdle(work: () => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(work, { timeout: 5_000 });
  else setTimeout(work, 1_000);
}
