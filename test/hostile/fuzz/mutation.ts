import { oddKeys, oddValue, writeJson } from "./odd-values.ts";
import type { Random } from "./random.ts";

type Fields = Record<string, unknown>;
type Mutation = (fields: Fields, random: Random) => Fields;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function withField(fields: Fields, name: string, value: unknown): Fields {
  // Not by assignment, which takes `__proto__` for something else.
  return Object.fromEntries([...Object.entries(fields).filter(([other]) => other !== name), [name, value]]);
}

function anyName(fields: Fields, random: Random): string {
  const names = Object.keys(fields);
  return names.length === 0 ? "type" : random.pick(names);
}

const mutations: readonly Mutation[] = [
  (fields, random) => withField(fields, anyName(fields, random), oddValue(random)),
  (fields, random) => withField(fields, anyName(fields, random), oddValue(random)),
  (fields, random) => withField(fields, random.pick(oddKeys), oddValue(random)),
  (fields, random) => {
    const name = anyName(fields, random);
    return Object.fromEntries(Object.entries(fields).filter(([other]) => other !== name));
  },
  (fields, random) => {
    const [one, other] = [anyName(fields, random), anyName(fields, random)];
    return withField(withField(fields, one, fields[other]), other, fields[one]);
  },
  (fields, random) => {
    const name = anyName(fields, random);
    return withField(
      fields,
      name,
      random.pick<unknown>([[fields[name]], { value: fields[name] }, writeJson(fields[name])]),
    );
  },
  (fields, random) => {
    const name = anyName(fields, random);
    const other = random.pick([name.toUpperCase(), ` ${name}`, `${name}\0`, name.replace("e", "е")]);
    return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key === name ? other : key, value]));
  },
  (fields, random) => {
    const inner = Object.entries(fields).find(([, value]) => isFields(value));
    if (inner === undefined || !isFields(inner[1])) return fields;
    return withField(fields, inner[0], mutateOnce(inner[1], random));
  },
];

function mutateOnce(fields: Fields, random: Random): Fields {
  return random.pick(mutations)(fields, random);
}

/** What the text of an object may become behind the back of its writer. */
const distortions: readonly ((text: string, random: Random) => string)[] = [
  (text, random) => text.slice(0, random.below(text.length + 1)),
  (text, random) => text + random.pick(["}", ",", "\0", "{}", "\n\n", "//", text]),
  (text) => `\ufeff${text}`,
  (text) => text.replaceAll('"', "'"),
  (text) => `[${text}]`,
  (text) => JSON.stringify(text),
  // The same field twice: which one counts must not matter.
  (text) => text.replace(/^\{("[^"]*":)/, (_, first: string) => `{${first}1,${first}`),
  (text) => text.replace(/\}$/, ',"type":"ping"}'),
  (text) => text.replace(/"([a-z_]+)":/, (_, name: string) => `"${escaped(name)}":`),
  (text, random) => {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + random.bytes(3).toString("latin1") + text.slice(at + random.below(4));
  },
  (text) => text.padEnd(66_000),
  () => "",
];

function escaped(name: string): string {
  return name
    .split("")
    .map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** JSON text of a value, mostly no longer as it was meant. */
export function mutatedJson(value: unknown, random: Random): string {
  let fields = isFields(value) ? value : {};
  const count = random.pick([0, 1, 1, 1, 2, 2, 3]);
  for (let i = 0; i < count; i++) fields = mutateOnce(fields, random);
  const text = writeJson(fields);
  return random.chance(20) || count === 0 ? random.pick(distortions)(text, random) : text;
}
