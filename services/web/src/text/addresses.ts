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
  return url !== undefined && linkProtocols.has(url.protocol) && isWritten(address) ? url.href : undefined;
}

/** A parser of addresses drops control characters and white space: what is read by people is not what would be followed. */
function isWritten(address: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[\u0000-\u0020\u007f\\]/u.test(address);
}

const dataImage = /^data:image\/(?:png|jpeg|gif|webp);base64,[\w+/=%-]*$/iu;
/** What answers requests, and might do something for one. */
const notPictures = /^\/(?:api|auth|ws|health|admin)(?:\/|$)/iu;

/** The address of an image that may be loaded: part of the answer itself, or a file of this page's own host. */
export function imageAddress(address: string, origin: string): string | undefined {
  if (address.startsWith("data:")) return dataImage.test(address) ? address : undefined;
  if (!address.startsWith("/") || !isWritten(address)) return undefined;
  const url = parsed(address, origin);
  if (url === undefined || url.origin !== origin || notPictures.test(decoded(url.pathname))) return undefined;
  return url.pathname.startsWith("//") ? undefined : `${url.pathname}${url.search}`;
}

function parsed(address: string, base?: string): URL | undefined {
  return URL.canParse(address, base) ? new URL(address, base) : undefined;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
