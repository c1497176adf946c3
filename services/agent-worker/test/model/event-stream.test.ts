import fc from "fast-check";
import { expect, test } from "vitest";
import { createEventStream, maxEventBytes, maxSkippedBytes } from "../../src/model/event-stream.ts";

/** Everything that a stream of these pieces tells. */
function read(pieces: readonly Buffer[]): unknown[] {
  const told: unknown[] = [];
  const stream = createEventStream({
    onValue: (value, kind) => void told.push([kind, value]),
    onDone: () => void told.push("done"),
    onLost: () => void told.push("lost"),
  });
  for (const piece of pieces) stream.push(piece);
  return [...told, stream.end()];
}

const line = fc.oneof(
  fc.jsonValue().map((value) => `data: ${JSON.stringify({ value })}`),
  fc.constantFrom("", "data:", "data: {", "data: }", ": ping", "event: error", "event: ping", "id: 1", "data: [DONE]"),
  fc.constantFrom(
    "data: data: {}",
    "  data: {}",
    "\ufeffdata: {}",
    'data: {"a":NaN}{}',
    "data: [{}, {}]",
    'data: "{}"',
    "data: {}\\n",
  ),
  fc.constantFrom("retry: 1", "data", "foo", "{}", "\ufeff", 'data: {"a":', "data: 1}"),
);
const body = fc
  .array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 30 })
  .map((lines) => Buffer.from(lines.flat().join("")));

test("tells the same, wherever the bytes are cut", () => {
  fc.assert(
    fc.property(body, fc.array(fc.nat(400), { maxLength: 20 }), (bytes, cuts) => {
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
      const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      expect(read(pieces)).toEqual(read([bytes]));
    }),
    { numRuns: 300 },
  );
});

test("tells the same, whatever ends the lines", () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      const [lf, crlf, cr] = ["\n", "\r\n", "\r"].map((end) =>
        read([Buffer.from(lines.map((one) => one + end).join(""))]),
      );
      expect(crlf).toEqual(lf);
      expect(cr).toEqual(lf);
    }),
  );
});

/** The beginning of an event of so many bytes. */
const grown = (unit: string, bytes: number): Buffer[] => {
  const piece = Buffer.from(unit.repeat(Math.ceil(60_000 / unit.length)));
  return [Buffer.from("data: "), ...Array.from({ length: Math.ceil(bytes / piece.length) }, () => piece)];
};
const large: [name: string, unit: string][] = [
  ["without a line end", "x"],
  ["with lines but no blank one", `${"x".repeat(99)}\ndata: `],
  ["with lines that end in CRLF", `${"x".repeat(98)}\r\ndata: `],
];

test.each(large)("passes an event over that is larger than 2 MiB, and reads what follows: %s", (_name, unit) => {
  const rest = Buffer.from('\n\ndata: {"a":1}\n\n');
  const told = read([...grown(unit, maxEventBytes + 400_000), rest]);
  expect(told).toEqual(["lost", ["data", { a: 1 }], expect.objectContaining({ form: "events" })]);
});

test.each(large)("throws once an event is larger than 32 MiB: %s", (_name, unit) => {
  expect(() => read(grown(unit, 1.1 * maxSkippedBytes))).toThrow(RangeError);
});

test("keeps nothing of a line that is too long", () => {
  const before = process.memoryUsage().arrayBuffers;
  const stream = createEventStream({ onValue: () => {}, onDone: () => {}, onLost: () => {} });
  for (const piece of grown("x", maxSkippedBytes - 400_000)) stream.push(piece);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * maxEventBytes);
});

test.each(["[DONE]", "data: [done]", "data: DONE", 'data: "[DONE]"', "event: done", "event: end\ndata:"])(
  "takes %j for the end of the stream",
  (end) => {
    expect(read([Buffer.from(`data: {}\n\n${end}\n\n`)])).toContain("done");
  },
);

test("takes a body that is a word for a text, also when it is an end elsewhere", () => {
  expect(read([Buffer.from("done")])).toEqual([{ form: "text", skipped: 0, text: "done" }]);
});

const size = 400_000;
test.each([
  ["spaces", " ".repeat(size)],
  ["brackets", "[".repeat(size)],
  ["braces that close", "{}".repeat(size / 2)],
  ["quotes", `{${'"'.repeat(size)}`],
  ["escapes", `{"${"\\".repeat(size)}`],
  ["control characters", `{"a":"${"\t".repeat(size)}"}`],
  ["numbers that JSON has not", `{"a":[${"NaN,".repeat(size / 4)}1]}`],
  ["`data:`", "data:".repeat(size / 5)],
  ["line ends in letters", `{}${String.raw`\n`.repeat(size / 2)}`],
])("reads, or passes over, one line of %s in time", (_name, text) => {
  const stream = createEventStream({ onValue: () => {}, onDone: () => {}, onLost: () => {} });
  // Of this process: on a busy machine time goes by that it did not get.
  const before = process.cpuUsage();
  stream.push(Buffer.from(`data: ${text}\n\n`));
  const spent = process.cpuUsage(before);
  expect(spent.user + spent.system).toBeLessThan(2_000_000);
});

test("takes any number of events, and lines that come byte by byte, in time", () => {
  const event = Buffer.from(`data: ${JSON.stringify({ text: "x".repeat(60_000) })}\n\n`);
  let values = 0;
  const stream = createEventStream({ onValue: () => void values++, onDone: () => {}, onLost: () => {} });
  for (let i = 0; i < 100; i++) stream.push(event);
  for (const byte of event) stream.push(Buffer.from([byte]));
  expect(values).toBe(101);
});
