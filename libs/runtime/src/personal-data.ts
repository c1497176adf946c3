/** Personal data that can be told by its form: mail addresses, telephone numbers, IBANs and numbers of cards. Names and addresses of streets cannot. */

export type PersonalKind = "mail" | "phone" | "iban" | "card";

export interface PersonalData {
  readonly kind: PersonalKind;
  readonly start: number;
  readonly end: number;
}

/** A text without these has none: nearly all lines of a log, and nearly all tokens. */
const possible = /@|\d[\d ().\-/]{6,}\d|\b[A-Za-z]{2}\d{2}/;

interface Form {
  readonly kind: PersonalKind;
  readonly pattern: RegExp;
  readonly isIt: (found: string) => boolean;
}

const always = (): boolean => true;

/** Numbers that stand in something longer (ids, versions, times, addresses of machines) are none. What comes first counts where two forms fit. */
const forms: readonly Form[] = [
  {
    kind: "mail",
    pattern:
      /(?<![\w.+-])[a-z0-9](?:[a-z0-9._%+-]{0,62}[a-z0-9_%+-])?@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,5}[a-z]{2,24}(?![\w-])/gi,
    isIt: always,
  },
  {
    kind: "iban",
    pattern: /(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])/gi,
    isIt: isIban,
  },
  { kind: "card", pattern: /(?<![\w.-])[2-6]\d{3}(?:[ -]?\d){8,15}(?![\w-]|\.\d)/g, isIt: isCard },
  {
    kind: "phone",
    pattern: /(?<![\w.+-])(?:\+|00)[1-9](?:[ ./()-]{0,2}\d){7,13}(?![\w-]|\.\d)/g,
    isIt: always,
  },
  {
    kind: "phone",
    pattern: /(?<![\w.:+-])(?:\(0\d{2,5}\)|0[1-9]\d{1,4})[ /-]{1,2}\d{2,8}(?:[ -]?\d{2,6}){0,3}(?![\w:-]|\.\d)/g,
    isIt: (found) => digitsOf(found).length >= 8,
  },
  { kind: "phone", pattern: /(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-]|\.\d)/g, isIt: always },
];

/** In the order of the text, none within another one. */
export function personalDataIn(text: string): PersonalData[] {
  if (!possible.test(text)) return [];
  const found: PersonalData[] = [];
  for (const { kind, pattern, isIt } of forms) {
    for (const match of text.matchAll(pattern)) {
      const [start, end] = [match.index, match.index + match[0].length];
      const isKnown = found.some((one) => start < one.end && end > one.start);
      if (!isKnown && isIt(match[0])) found.push({ kind, start, end });
    }
  }
  return found.toSorted((a, b) => a.start - b.start);
}

/** The text with something else in place of each. */
export function replacePersonalData(text: string, replace: (found: string, kind: PersonalKind) => string): string {
  const found = personalDataIn(text);
  if (found.length === 0) return text;
  let from = 0;
  const parts = found.flatMap(({ kind, start, end }) => {
    const before = text.slice(from, start);
    from = end;
    return [before, replace(text.slice(start, end), kind)];
  });
  return [...parts, text.slice(from)].join("");
}

function digitsOf(text: string): string {
  return text.replaceAll(/\D/g, "");
}

/** Luhn's sum. */
function isCard(text: string): boolean {
  const digits = digitsOf(text);
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits.charAt(digits.length - 1 - i));
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** ISO 7064: the rest by 97 is 1. */
function isIban(text: string): boolean {
  const plain = text.replaceAll(" ", "").toUpperCase();
  if (plain.length < 15 || plain.length > 34) return false;
  const moved = `${plain.slice(4)}${plain.slice(0, 4)}`;
  let rest = 0;
  for (const sign of moved) {
    const value = /\d/.test(sign) ? sign : String(sign.charCodeAt(0) - 55);
    for (const digit of value) rest = (rest * 10 + Number(digit)) % 97;
  }
  return rest === 1;
}
