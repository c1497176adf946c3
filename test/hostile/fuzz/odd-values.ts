import type { Random } from "./random.ts";

/** What people, programs and attackers put where a text is expected. */
const texts: readonly string[] = [
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\udc00x",
  "\ufeffa",
  "\u202eabc",
  "a\u200bb",
  "аdmin",
  "Å",
  "A\u030a",
  "ﬁ",
  "İ",
  "\ud83d\ude00".repeat(50),
  "\u0301".repeat(500),
  "null",
  "undefined",
  "NaN",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "../../etc/passwd",
  "..\\..\\windows",
  "%2e%2e%2f",
  "c.>",
  "c_*",
  "$JS.API.STREAM.DELETE",
  "a b",
  "a\r\nX-Injected: 1",
  "<script>alert(1)</script>",
  "' OR 1=1 --",
  "${jndi:ldap://x}",
  "{{7*7}}",
  "-1",
  "1e309",
  "0x10",
  "999999999999999999999",
  "true",
];

const long: readonly ((random: Random) => string)[] = [
  () => "x".repeat(129),
  () => "x".repeat(20_000),
  () => "x".repeat(70_000),
  () => "é".repeat(33_000),
  () => "\\".repeat(30_000),
  () => "\u0000".repeat(12_000),
  (random) => random.bytes(40).toString("latin1"),
];

/** JSON that no value of JavaScript is written as; put into the text as it stands. Some of it is none. */
const written: readonly string[] = [
  "1e309",
  "-1e309",
  "-0",
  "1E400",
  "0.1e-400",
  "9007199254740993",
  "123456789012345678901234567890",
  "1.0000000000000000000000000001",
  "NaN",
  "Infinity",
  "-Infinity",
  "undefined",
  "01",
  "+1",
  ".5",
  "1.",
  "0x1F",
  "'single'",
  "tru",
  "True",
  "/* nothing */ 1",
  "",
  '"\\x41"',
  '"\\u00"',
  '"\\uD800"',
  '"\\udfff\\ud800"',
  '"\\u0000"',
  '"\n"',
  '"open',
  "[1,]",
  '{"a":1,}',
  "{a:1}",
  "[".repeat(32) + "]".repeat(32),
  "[".repeat(64) + "]".repeat(64),
  "[".repeat(30_000) + "]".repeat(30_000),
  "[".repeat(5_000) + "]".repeat(5_000),
  "[".repeat(20_000),
  '{"a":'.repeat(2_000) + "1" + "}".repeat(2_000),
];

/** Deeper than any stack: what reads them within each other ends a process that has not thought of it. */
const deepest: readonly string[] = [
  "[".repeat(100_000) + "]".repeat(100_000),
  '{"a":'.repeat(50_000) + "1" + "}".repeat(50_000),
  "[".repeat(100_000),
];

const values: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 53,
  -(2 ** 53),
  1e308,
  [],
  {},
  [null],
  [[]],
  { length: 1e9 },
  { toString: "x", valueOf: 1 },
  { toJSON: "x" },
  JSON.parse('{"__proto__":{"polluted":true,"agent":"polluted"}}'),
  { constructor: { prototype: { polluted: true } } },
];

/** Fields that no frame has, some of them only by name. */
export const oddKeys: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "then",
  "toJSON",
  "",
  "\u0000",
  "\ud800",
  "Type",
  "TYPE",
  "type ",
  "tуpe",
  "seq",
  "user",
  "user_id",
  "sub",
  "roles",
  "turn_id",
  "x".repeat(300),
];

const rawMark = "\u0001raw:";
const marked = new RegExp(`"\\\\u0001raw:([^"]*)"`, "g");

/** Stands for JSON text in a value that is going to be written. */
function raw(text: string): string {
  return rawMark + encodeURIComponent(text);
}

/** As `JSON.stringify`, with the texts of `raw` as they are. */
export function writeJson(value: unknown): string {
  return (JSON.stringify(value) ?? "").replace(marked, (_, text: string) => decodeURIComponent(text));
}

/** A value that hardly any field expects. */
export function oddValue(random: Random): unknown {
  const kind = random.below(100);
  if (kind < 35) return random.pick(texts);
  if (kind < 43) return random.pick(long)(random);
  if (kind < 67) return raw(random.pick(written));
  if (kind < 69) return raw(random.pick(deepest));
  return random.pick(values);
}

/** Arrays within each other: as many as may be, one more, and far more. */
export function nestedValue(random: Random): unknown {
  const depth = random.pick([31, 32, 33, 5_000, 20_000]);
  return raw("[".repeat(depth) + "]".repeat(depth));
}

export function oddText(random: Random): string {
  return random.chance(10) ? random.pick(long)(random) : random.pick(texts);
}
