import { isReordered } from "./letter-order.ts";

/**
 * Where an answer may lead, and what it may load. A model repeats what it has read: an image whose address somebody else wrote would carry what was said here to
 * them as soon as it is shown, so nothing is loaded from other hosts. A link is followed by a person, who sees where it leads.
 */

const linkProtocols: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"]);

/** The address of a link as it may be followed; undefined: it is shown as text. `#…` leads to a note of the same message. */
export function linkAddress(address: string): string | undefined {
  if (/^#[\w-]+$/u.test(address)) return address;
  // Relative ones would lead into this page: no answer knows its addresses.
  const url = parsed(address);
  return url !== undefined && linkProtocols.has(url.protocol) && isWritten(address) && !hasName(url)
    ? url.href
    : undefined;
}

/** `https://bank.example@evil.example`: what people take for the host is a name that is sent to it. */
function hasName({ username, password }: URL): boolean {
  return username !== "" || password !== "";
}

const nameOfHost = /(?:[\p{L}\p{N}-]+\.)+[\p{L}\p{N}-]{2,}/gu;
/** Longer ones than a line nobody takes for an address. */
const lookedAtChars = 300;

/** The host to which a link leads, where its text looks like the address of another one, or is written in an order that is not that of its letters. */
export function hostBehind(address: string, text: string): string | undefined {
  const url = parsed(address);
  if (url === undefined || url.host === "") return undefined;
  const named = text.slice(0, lookedAtChars).toLowerCase().match(nameOfHost) ?? [];
  const isOther = named.some((host) => url.hostname !== host && !url.hostname.endsWith(`.${host}`));
  return isOther || isReordered(text) ? url.host : undefined;
}

/** A parser of addresses drops control characters and white space: what is read by people is not what would be followed. */
function isWritten(address: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[\u0000-\u0020\u007f\\]/u.test(address);
}

const dataImage = /^data:image\/(?:png|jpeg|gif|webp);base64,[\w+/=%-]*$/iu;
/** The address of an image that may be loaded: one that is part of the answer itself. A path of this page's own host would be a request to whatever the model names. */
export function imageAddress(address: string): string | undefined {
  return dataImage.test(address) ? address : undefined;
}

function parsed(address: string): URL | undefined {
  return URL.canParse(address) ? new URL(address) : undefined;
}
