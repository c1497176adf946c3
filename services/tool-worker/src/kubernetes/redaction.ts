/** What stands where something was hidden. */
export const hidden = "[hidden]";
const HIDDEN = hidden;

/** Names whose values are secrets: of environment variables and settings. */
const SECRET_NAME = /pass|pwd|secret|token|key|cred|dsn|url|auth|private/i;

/** Names of fields, settings and annotations of which the value is a secret itself, not its name or where it is. */
const SECRET_FIELD =
  /(?:^|[-_.]|[a-z0-9])(?:pass(?:word|wd|phrase)?|pwd|secret|token|credential|(?:api|access|account|private|secret|encryption|signing|master|client|shared)[-_.]?key|key[-_.]?data|dsn|connection[-_.]?string|auth)s?$/i;
/** These say which Secret is meant. */
const SECRET_REFERENCE = /(?:existing|pull|tls|cert(?:ificate)?)[-_.]?secrets?$/i;
const maxNameChars = 300;

/** Whether the value under this name is a secret. */
export function isSecretSetting(name: string): boolean {
  const known = name.slice(-maxNameChars);
  return SECRET_FIELD.test(known) && !SECRET_REFERENCE.test(known);
}

/** Whether what follows this word of a command is a secret: `--db-password`. */
export function isSecretFlag(word: string): boolean {
  return /^--?[A-Za-z]/.test(word) && !word.includes("=") && isSecretSetting(word);
}

/** Certificates and keys go over several lines; one whose end is missing goes to the end of the text. */
const PEM =
  /-----BEGIN [A-Z ]{0,40}(?:PRIVATE KEY(?: BLOCK)?|CERTIFICATE)-----[\s\S]*?(?:-----END [A-Z ]{0,60}-----|$)/g;

/** One whose beginning was cut off goes back to the beginning of the text. */
const PEM_END = /^(?:(?!-----BEGIN )[\s\S])*?-----END [A-Z ]{0,60}-----/;

/** The ends of names that have a credential after them. */
const NAMES =
  "(?:pass(?:word|wd|phrase)?|(?<=[A-Za-z0-9_.-])pwd|secret|token|(?:api|access|account|private|secret|encryption|signing|master|client|shared)[._-]?key|credentials?)";

/**
 * Known forms of credentials within a line. The more special ones come first. Repetitions are bounded where a match can begin at
 * many places, so that no text can make this slow.
 */
const CREDENTIALS: readonly [pattern: RegExp, replacement: string][] = [
  [/(?<![\w-])eyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,4000}(?:\.[A-Za-z0-9_-]{0,2000})?/g, HIDDEN],
  // "-----BEGIN" in base64: keys and certificates as kubeconfigs and webhooks have them.
  [/\bLS0tLS1CRUdJT[A-Za-z0-9+/=]{8,}/g, HIDDEN],
  [/\b(Bearer|Basic)\s{1,10}[A-Za-z0-9+/=._~-]{8,}/gi, `$1 ${HIDDEN}`],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/:@]{0,200}:[^\s/@]{1,500}@/gi, `$1${HIDDEN}@`],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  [/\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{20,}\b|\bglpat-[\w-]{20,100}/g, HIDDEN],
  [/\bxox[abprs]-[A-Za-z0-9-]{10,200}/g, HIDDEN],
  [/\b(?:sk-|[rs]k_(?:live|test)_)[A-Za-z0-9_-]{16,200}/g, HIDDEN],
  [/\bAIza[A-Za-z0-9_-]{30,100}|\bya29\.[\w-]{20,500}/g, HIDDEN],
  [/\b(?:hvs\.|hf_|npm_|dop_v1_)[A-Za-z0-9_-]{20,200}/g, HIDDEN],
  [/\bSG\.[\w-]{16,64}\.[\w-]{16,100}/g, HIDDEN],
  // A name and, as YAML writes long values, the lines below it that are further in.
  [
    new RegExp(`(${NAMES}["']?[ \\t]{0,10}:[ \\t]{0,10})[|>][-+0-9]{0,3}(?:\\n(?:[ \\t]*\\n)*[ \\t]+[^\\n]*)+`, "gi"),
    `$1${HIDDEN}`,
  ],
  [
    new RegExp(
      `(${NAMES}(?:\\\\{0,7}["'])?\\s{0,10}[=:]\\s{0,10})(?!\\\\{0,7}["']?\\[hidden)(?:(")(?:[^"\\\\\\n]|\\\\.)*"|(')[^'\\n]*'|(\\\\{1,7}["'])[^"'\\\\\\n]*|[^\\s,;&}]+)`,
      "gi",
    ),
    `$1$2$3$4${HIDDEN}$2$3`,
  ],
  [/(\s--?[\w-]{0,40}(?:password|passwd|token|secret)\s{1,10})(?!\[hidden)[^\s-]\S{0,500}/gi, `$1${HIDDEN}`],
  [new RegExp(`(<[\\w.:-]{0,60}${NAMES}>)[^<\\n]{1,2000}(?=<)`, "gi"), `$1${HIDDEN}`],
  [/([;&?](?:pwd|sig|signature|x-amz-signature)=)[^\s;&"']{4,2000}/gi, `$1${HIDDEN}`],
  [/("auth"\s{0,10}:\s{0,10})"[^"\n]*"/g, `$1"${HIDDEN}"`],
  [/(\blogin\s{1,10}\S{1,200}\s{1,10}password\s{1,10})\S{1,500}/gi, `$1${HIDDEN}`],
  [/(\s(?:-u|--user)[=\s]\s{0,10}["']?(?!\d+:\d+(?!\S))[^\s:"']{1,200}:)[^\s"']{1,500}/g, `$1${HIDDEN}`],
];

/** Hides keys in PEM form. To be used on a whole text before it is taken apart into lines. */
export function redactKeys(text: string): string {
  return text.replace(PEM_END, HIDDEN).replace(PEM, HIDDEN);
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
