import { replacePersonalData } from "./personal-data.ts";

const censor = "[redacted]";

/**
 * Secrets in the middle of a text: an address with a password in the message of an error, a header that a library quotes. Each pattern
 * keeps what is before the secret, so that a reader can still tell what was there.
 */
const secrets: readonly RegExp[] = [
  // scheme://user:password@host
  /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"]*:)[^\s@"]+(?=@)/gi,
  // Authorization: Bearer …, Basic …
  /(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi,
  // bearer.<token> as a WebSocket subprotocol
  /(\bbearer\.)[\w.-]{8,}/gi,
  // ?token=…, &api_key=…
  /([?&](?:access_|id_|refresh_)?(?:token|api_?key|key|secret|password)=)[^\s&"\\]+/gi,
  // JSON Web Tokens
  /()\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g,
  // Keys of OpenAI, OpenRouter and servers that imitate them
  /(\bsk-)[\w-]{8,}/g,
];

/** A text in a line of JSON; numbers of ours, which may look like those of cards, are none. */
const jsonText = /"(?:[^"\\]|\\.)*"/g;

/** One line of the log without the secrets, and the personal data, that stand inside texts. Fields that are secrets as a whole are cut out before. */
export function redactLine(line: string): string {
  const told = secrets.reduce((text, secret) => text.replace(secret, `$1${censor}`), line);
  return told.replaceAll(jsonText, (text) => replacePersonalData(text, (_found, kind) => `[${kind}]`));
}
