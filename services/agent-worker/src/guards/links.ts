/** Where an answer leads its reader: an image is fetched as soon as it is shown, with whatever stands in its address. */

/** Addresses with a scheme, and those that begin with two slashes where Markdown or HTML has an address. */
const address = /(?:\b[a-z][a-z0-9+.-]{1,20}:|(?<=[\]("'=<\s:]))[/\\]{2}[^\s<>"'`\])]{1,2048}/gi;

/** Whether a text has an address that leads to none of these hosts, as far as it can be read. */
export function leadsElsewhere(text: string, hosts: readonly string[]): boolean {
  for (const [found] of text.matchAll(address)) {
    const host = hostOf(found);
    if (host === undefined || !hosts.includes(host)) return true;
  }
  return false;
}

/** Undefined: no browser would find one, or it is not of the web. */
function hostOf(found: string): string | undefined {
  try {
    return new URL(found.startsWith("/") || found.startsWith("\\") ? `https:${found}` : found).hostname;
  } catch {
    return undefined;
  }
}
