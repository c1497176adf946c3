/** What stands where something was hidden. */
export const hidden = "[hidden]";
const HIDDEN = hidden;

/** Names whose values are secrets: of environment variables and settings. */
const SECRET_NAME = /pass|secret|token|key|cred|dsn|url|auth|private/i;

/** Names of fields, settings and annotations of which the value is a secret itself, not its name or where it is. */
const SECRET_FIELD =
  /(?:^|[-_.]|[a-z])(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|(?:api|access|private|secret|encryption|signing|master|client)[-_.]?key|key[-_.]?data|dsn|connection[-_.]?string|auth)$/i;

/** Whether the value under this name is a secret. */
export function isSecretSetting(name: string): boolean {
  return SECRET_FIELD.test(name.slice(0, maxNameChars));
}

const maxNameChars = 300;

/** Certificates and keys go over several lines; one whose end is missing goes to the end of the text. */
const PEM = /-----BEGIN [A-Z ]{0,40}(?:PRIVATE KEY|CERTIFICATE)-----[\s\S]*?(?:-----END [A-Z ]{0,60}-----|$)/g;

/**
 * Known forms of credentials within a line. The more special ones come first. Repetitions are bounded where a match can begin at
 * many places, so that no text can make this slow.
 */
const CREDENTIALS: readonly [pattern: RegExp, replacement: string][] = [
  [/\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,4000}(?:\.[A-Za-z0-9_-]{0,2000})?/g, HIDDEN],
  [/\b(Bearer|Basic)\s{1,10}[A-Za-z0-9+/=._~-]{8,}/gi, `$1 ${HIDDEN}`],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/:@]{0,200}:[^\s/@]{1,500}@/gi, `$1${HIDDEN}@`],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  [/\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{20,}\b/g, HIDDEN],
  [/\bxox[abprs]-[A-Za-z0-9-]{10,200}/g, HIDDEN],
  [/\bsk-[A-Za-z0-9_-]{16,200}/g, HIDDEN],
  [/\bAIza[A-Za-z0-9_-]{30,100}/g, HIDDEN],
  [
    /((?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key|credentials?)["']?\s{0,10}[=:]\s{0,10})("[^"\n]*"|'[^'\n]*'|[^\s,;&}]+)/gi,
    `$1${HIDDEN}`,
  ],
];

/** Hides keys in PEM form. To be used on a whole text before it is taken apart into lines. */
export function redactKeys(text: string): string {
  return text.replace(PEM, HIDDEN);
}

/** Hides what looks like a credential in text that somebody else wrote: logs, messages of events, errors. */
export function redactText(text: string): string {
  return CREDENTIALS.reduce(
    (redacted, [pattern, replacement]) => redacted.replace(pattern, replacement),
    redactKeys(text),
  );
}

/** The value of a named setting as it may be shown. */
export function redactValue(name: string, value: string): string {
  return SECRET_NAME.test(name) ? HIDDEN : redactText(value);
}
