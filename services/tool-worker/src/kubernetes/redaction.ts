/** What stands where something was hidden. */
export const HIDDEN = "[hidden]";

/** Names whose values are secrets: of environment variables and settings. */
const SECRET_NAME = /pass|secret|token|key|cred|dsn|url|auth|private/i;

/** Known forms of credentials, anywhere in a text. The more special ones come first. */
const CREDENTIALS: readonly [pattern: RegExp, replacement: string][] = [
  [/-----BEGIN [A-Z ]*(?:PRIVATE KEY|CERTIFICATE)-----[\s\S]*?(?:-----END [A-Z ]*-----|$)/g, HIDDEN],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?/g, HIDDEN],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}/gi, `$1 ${HIDDEN}`],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/:@]*:[^\s/@]+@/gi, `$1${HIDDEN}@`],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  [/\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{20,}\b/g, HIDDEN],
  [/\bxox[abprs]-[A-Za-z0-9-]{10,}/g, HIDDEN],
  [/\bsk-[A-Za-z0-9_-]{16,}/g, HIDDEN],
  [/\bAIza[A-Za-z0-9_-]{30,}/g, HIDDEN],
  [
    /((?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key|credentials?)["']?\s*[=:]\s*)("[^"\n]*"|'[^'\n]*'|[^\s,;&}]+)/gi,
    `$1${HIDDEN}`,
  ],
];

/** Hides what looks like a credential in text that somebody else wrote: logs, messages of events, errors. */
export function redactText(text: string): string {
  return CREDENTIALS.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}

/** The value of a named setting as it may be shown. */
export function redactValue(name: string, value: string): string {
  return SECRET_NAME.test(name) ? HIDDEN : redactText(value);
}
