import { languageOf, type Language } from "../words/language.ts";

export type GetToken = () => string | Promise<string>;

/** What the element in the page says. */
export interface Attributes {
  /** The origin of the server. */
  readonly server: string;
  readonly agent: string | undefined;
  /** Undefined: the one that this browser had last, or a new one. */
  readonly conversation: string | undefined;
  readonly label: string | undefined;
  readonly language: Language;
  readonly isOpen: boolean;
  /** What the visitor's browser remembers lasts longer than the page. */
  readonly isKept: boolean;
}

interface Surroundings {
  /** Where the script came from. */
  readonly scriptUrl: string;
  readonly pageUrl: string;
  /** Of the page, else of the browser. */
  readonly languages: readonly string[];
}

export type Given = Pick<Element, "getAttribute" | "hasAttribute">;

/** Of what cannot be read the default counts: there is nobody here whom an error would help. */
export function readAttributes(given: Given, { scriptUrl, pageUrl, languages }: Surroundings): Attributes {
  const text = (name: string): string | undefined => given.getAttribute(name)?.trim() || undefined;
  const wanted = text("language");
  return {
    server: originOf(text("server"), pageUrl) ?? new URL(scriptUrl).origin,
    agent: text("agent"),
    conversation: conversationIn(text("conversation")),
    label: text("label"),
    language: languageOf(wanted === undefined ? languages : [wanted, ...languages]),
    isOpen: given.hasAttribute("open"),
    isKept: text("keep") !== "off",
  };
}

/** What the server would take for no id: it would answer to none. */
function conversationIn(id: string | undefined): string | undefined {
  return id !== undefined && /^[A-Za-z0-9_-]{1,128}$/.test(id) ? id : undefined;
}

function originOf(address: string | undefined, pageUrl: string): string | undefined {
  if (address === undefined || !URL.canParse(address, pageUrl)) return undefined;
  const { origin, protocol } = new URL(address, pageUrl);
  return protocol === "https:" || protocol === "http:" ? origin : undefined;
}

/** Whether what was begun is of no use any more. Another token may be another person's. */
export function isReset(attribute: string): boolean {
  return ["server", "token", "agent", "conversation", "keep"].includes(attribute);
}

/** Where the socket of a server is. */
export function socketUrl(server: string): string {
  return `${server.replace(/^http/, "ws")}/ws/chat`;
}
