/**
 * JSON as careless servers and models write it, made right without guessing: raw control characters within strings are escaped, and so is the
 * apostrophe that needs no escape; a comma with nothing behind it goes. With `numbers`, what JSON has no number for becomes null: Python writes NaN and Infinity.
 */
export function repairedJson(text: string, { numbers = false } = {}): string {
  if (!repairable.test(text) && !(numbers && /NaN|Infinity/.test(text))) return text;
  let repaired = "";
  let from = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', from)) {
    const end = endOfString(text, at);
    const between = text.slice(from, at);
    repaired += repairedBetween(between, numbers) + repairedString(text.slice(at, end));
    from = end;
  }
  return repaired + repairedBetween(text.slice(from), numbers);
}

function repairedBetween(text: string, numbers: boolean): string {
  const listed = text.replaceAll(/,(?=\s*[}\]])/g, "");
  return numbers ? listed.replaceAll(noNumbers, "null") : listed;
}

/** What Python writes an object as, in JSON: its quotes are either ones, and it has other names for null, true and false. */
export function jsonOfPython(text: string): string {
  // A text that never ends takes all the rest: else its end would be looked for from each quote in it.
  return text.replaceAll(
    /"(?:[^"\\]|\\.)*"|'((?:[^'\\]|\\.)*)'|["'][^]*|(?<!\w)(None|True|False)(?!\w)/gs,
    (all: string, quoted?: string, name?: string) => {
      if (name !== undefined) return name === "None" ? "null" : name.toLowerCase();
      return quoted === undefined ? all : `"${requoted(quoted)}"`;
    },
  );
}

function requoted(text: string): string {
  return text.replaceAll(/\\(?:'|x([0-9a-f]{2})|.)|"/gis, (found: string, code?: string) => {
    if (found === '"') return '\\"';
    if (found === "\\'") return "'";
    return code === undefined ? found : `\\u00${code}`;
  });
}

const noNumbers = /(?<![\w.])(?:NaN|[-+]?Infinity)(?![\w.])/g;
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const repairable = /[\0-\u001f]|\\'|,\s*[}\]]/;
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const unwritable = /[\0-\u001f]|\\./gs;

/** Of the control characters, each under its code. */
const escapes = Array.from({ length: 0x20 }, (_, code) => JSON.stringify(String.fromCharCode(code)).slice(1, -1));

function repairedString(text: string): string {
  return text.replaceAll(unwritable, (found) => {
    if (found === "\\'") return "'";
    return found.startsWith("\\") ? found : (escapes[found.charCodeAt(0)] ?? found);
  });
}

/** Behind the quote that ends the string which begins at a place. */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}
