import { createEmbeddedChat, type EmbeddedChat } from "./embedded-chat.ts";
import { isReset, type GetToken } from "./attributes.ts";

const name = "parley-chat";

/** Once for a page, however many scripts it has. */
export function defineParleyChat(): void {
  if (customElements.get(name) === undefined) customElements.define(name, ParleyChat);
}

/** Frameworks take an element out and put it back a moment later: only what stays away has gone. */
const lingerMs = 500;

/** `<parley-chat>`; docs/embedding.md says what its attributes mean. A class because the browser asks for one: what it does is elsewhere. */
class ParleyChat extends HTMLElement {
  static readonly observedAttributes = [
    "agent",
    "conversation",
    "keep",
    "label",
    "language",
    "open",
    "server",
    "theme",
    "token",
  ];
  #chat: EmbeddedChat | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  #getToken: GetToken | undefined;

  /** Asked on every connection, and again before a token ends; it comes before the attribute `token`. */
  get getToken(): GetToken | undefined {
    return this.#getToken;
  }
  set getToken(value: GetToken | undefined) {
    this.#getToken = typeof value === "function" ? value : undefined;
    this.#chat?.reset();
  }

  get token(): string {
    return this.getAttribute("token") ?? "";
  }
  set token(value: string) {
    this.setAttribute("token", value);
  }

  /** Opens the window; the attribute `open` does the same. */
  open(): void {
    this.toggleAttribute("open", true);
  }
  close(): void {
    this.toggleAttribute("open", false);
  }

  connectedCallback(): void {
    clearTimeout(this.#leaving);
    this.#takeEarlier();
    this.#chat ??= createEmbeddedChat(this, this.shadowRoot ?? this.attachShadow({ mode: "open" }));
  }

  disconnectedCallback(): void {
    this.#leaving = setTimeout(() => {
      this.#chat?.dispose();
      this.#chat = undefined;
    }, lingerMs);
  }

  /** Moved by `moveBefore`, in which case nothing has to be done; without this the browser would take it out and in again. */
  connectedMoveCallback(): void {}

  attributeChangedCallback(changed: string, before: string | null, after: string | null): void {
    if (before === after) return;
    if (isReset(changed)) this.#chat?.reset();
    else this.#chat?.update();
  }

  /** What a page had set before this class was there hides what the class does with it. */
  #takeEarlier(): void {
    if (!Object.hasOwn(this, "getToken")) return;
    const { getToken } = this;
    Reflect.deleteProperty(this, "getToken");
    this.getToken = getToken;
  }
}
