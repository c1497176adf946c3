import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { callDeviations, fn } from "./call-deviations.ts";
import { createToolCallAssembler } from "../../src/model/tool-call-assembler.ts";
import type { Fields } from "../../src/model/fields.ts";

function assemble(deltas: readonly Fields[]) {
  const assembler = createToolCallAssembler();
  for (const value of deltas) assembler.add({ value, index: undefined });
  return assembler;
}

/** What the calls are, without what is kept of them for the provider. */
const namesAndArguments = (deltas: readonly Fields[]) =>
  assemble(deltas)
    .calls()
    .map(({ name, arguments: args }) => ({ name, arguments: args }));

describe("assembles calls of servers that send", () => {
  test.each(callDeviations)("%s", (_name, deltas, calls) => {
    expect(namesAndArguments(deltas)).toEqual(calls.map(([name, args]) => ({ name, arguments: args })));
  });
});

test("says whether a delta brought anything", () => {
  const assembler = createToolCallAssembler();
  const added = [
    { index: 0, id: "a" },
    { index: 0, ...fn("one") },
    { index: 0, ...fn(undefined, "") },
    { index: 0, ...fn(undefined, "{") },
  ];
  expect(added.map((delta) => assembler.add({ value: delta, index: undefined }))).toEqual([false, true, false, true]);
});

test.each([
  ['{"x":1}', true],
  ['{"x":1', false],
  ["", false],
  ["[1]", false],
  ["{}{", false],
  ['{}{"x":1}', true],
  ["{}", true],
])("says whether arguments are whole: %j", (args, whole) => {
  expect(assemble([{ index: 0, id: "a", ...fn("one", args) }]).isWhole()).toBe(whole);
});

const deep = `{"x":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;

test.each([
  ["by themselves", deep],
  ["in a fence", `\`\`\`json\n${deep}\n\`\`\``],
  ["as text in JSON", JSON.stringify(deep)],
  ["after an empty object", `{}${deep}`],
])("arguments that are nested too deep to be written again stay as they came: %s", (_how, args) => {
  const deltas = [0, 1].map((index) => ({ index, id: `call_${index}`, ...fn("one", args) }));
  expect(namesAndArguments(deltas)).toEqual(deltas.map(() => ({ name: "one", arguments: args })));
});

test.each(['"\\', "'\\", "\\'"])(
  "reads 240 KB of %j, a text without an end, in time that grows with its length",
  (unit) => {
    const args = `{${unit.repeat(120_000)}`;
    const startedAt = process.cpuUsage();
    assemble([{ index: 0, id: "a", ...fn("one", args) }]).calls();
    expect(process.cpuUsage(startedAt).user / 1_000).toBeLessThan(2_000);
  },
);

test("grows with deltas that say nothing, so that their number can be bounded", () => {
  expect(assemble(Array.from({ length: 50 }, (_, index) => ({ index }))).size()).toBe(50);
});

describe("what only the provider understands", () => {
  const signed = { extra_content: { google: { thought_signature: "CvQB" } } };

  test("is kept with the call: its id, and fields beside and in the function", () => {
    const deltas = [
      { index: 0, id: "a", type: "function", ...signed, function: { name: "one", arguments: "", note: "n" } },
      { index: 0, id: "", thought_signature: "x", ...fn(undefined, "{}") },
      { index: 1, id: "b", logprobs: null, ...fn("two", "{}") },
    ];
    expect(assemble(deltas).calls()).toEqual([
      {
        name: "one",
        arguments: "{}",
        provider: { id: "a", fields: { ...signed, thought_signature: "x" }, function_fields: { note: "n" } },
      },
      { name: "two", arguments: "{}", provider: { id: "b" } },
    ]);
  });

  test("counts for the size of the calls", () => {
    expect(assemble([{ id: "a", note: "x".repeat(1_000), ...fn("one", "{}") }]).size()).toBeGreaterThan(1_000);
  });
});

type Call = { id: string; name: string; arguments: string };
type Piece = { call: number; text: string; first: boolean };

const callLists: fc.Arbitrary<Call[]> = fc
  .array(
    fc.record({ name: fc.stringMatching(/^[a-z_]{1,12}$/), arguments: fc.dictionary(fc.string(), fc.jsonValue()) }),
    { minLength: 1, maxLength: 5 },
  )
  .map((calls) =>
    calls.map((call, i) => ({ id: `call_${i}`, name: call.name, arguments: JSON.stringify(call.arguments) })),
  );

/** Cuts the arguments of each call anywhere; the first piece may be empty, as servers send it. */
function piecesOf(calls: Call[], cuts: readonly number[]): Piece[][] {
  return calls.map(({ arguments: text }, call) => {
    const bounds = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].toSorted((a, b) => a - b);
    return bounds.slice(1).map((end, i) => ({ call, text: text.slice(bounds[i], end), first: i === 0 }));
  });
}

/** One after another, or each next piece from the call that `choices` names; no call overtakes one before it in beginning. */
function interleave(perCall: Piece[][], choices: readonly number[]): Piece[] {
  const begun = perCall.map(([first]) => first).filter((piece) => piece !== undefined);
  const rest = perCall.map((pieces) => pieces.slice(1));
  const order: Piece[] = [];
  for (let i = 0; rest.some((pieces) => pieces.length > 0); i++) {
    const open = rest.filter((pieces) => pieces.length > 0);
    const piece = open[(choices[i % choices.length] ?? 0) % open.length]?.shift();
    if (piece !== undefined) order.push(piece);
  }
  return [...begun, ...order];
}

const cutsAndChoices = [
  fc.array(fc.nat(200), { maxLength: 6 }),
  fc.array(fc.nat(9), { minLength: 1, maxLength: 20 }),
] as const;

const parsed = ({ name, arguments: args }: Pick<Call, "name" | "arguments">): unknown => [name, JSON.parse(args)];

describe("any chunking assembles to the same calls", () => {
  const expected = (calls: Call[]) => calls.map(({ name, arguments: args }) => ({ name, arguments: args }));

  test("with indexes, interleaved", () => {
    fc.assert(
      fc.property(callLists, ...cutsAndChoices, (calls, cuts, choices) => {
        const deltas = interleave(piecesOf(calls, cuts), choices).map(({ call, text, first }) => ({
          index: call,
          ...(first && { id: calls[call]?.id }),
          ...fn(first ? calls[call]?.name : undefined, text),
        }));
        expect(namesAndArguments(deltas)).toEqual(expected(calls));
      }),
      { numRuns: 40 },
    );
  });

  test("with ids in every delta and no index, interleaved", () => {
    fc.assert(
      fc.property(callLists, ...cutsAndChoices, (calls, cuts, choices) => {
        const deltas = interleave(piecesOf(calls, cuts), choices).map(({ call, text, first }) => ({
          id: calls[call]?.id,
          ...fn(first ? calls[call]?.name : undefined, text),
        }));
        expect(namesAndArguments(deltas)).toEqual(expected(calls));
      }),
      { numRuns: 40 },
    );
  });

  test("with index 0 for all and the id in the first delta of each, one after another", () => {
    fc.assert(
      fc.property(callLists, cutsAndChoices[0], (calls, cuts) => {
        const deltas = piecesOf(calls, cuts)
          .flat()
          .map(({ call, text, first }) => ({
            index: 0,
            ...(first && { id: calls[call]?.id }),
            ...fn(first ? calls[call]?.name : undefined, text),
          }));
        expect(namesAndArguments(deltas)).toEqual(expected(calls));
      }),
      { numRuns: 40 },
    );
  });

  test("with the name in every delta and neither index nor id, one after another", () => {
    fc.assert(
      fc.property(callLists, cutsAndChoices[0], (calls, cuts) => {
        const deltas = piecesOf(calls, cuts)
          .flat()
          .filter((piece) => piece.text !== "")
          .map(({ call, text }) => fn(calls[call]?.name, text));
        expect(namesAndArguments(deltas)).toEqual(expected(calls));
      }),
      { numRuns: 40 },
    );
  });

  test("with an empty object before the arguments of each call, and all of it again at the end", () => {
    fc.assert(
      fc.property(callLists, ...cutsAndChoices, fc.boolean(), (calls, cuts, choices, hasIds) => {
        const pieces = interleave(piecesOf(calls, cuts), choices);
        const deltas = [
          ...calls.map(({ id, name }, index) => ({ index, id, ...fn(name, "{}") })),
          ...pieces.map(({ call, text }) => ({ index: call, ...fn(undefined, text) })),
          ...calls.map(({ id, name, arguments: args }, index) => ({ index, ...(hasIds && { id }), ...fn(name, args) })),
        ];
        expect(namesAndArguments(deltas).map(parsed)).toEqual(expected(calls).map(parsed));
      }),
      { numRuns: 40 },
    );
  });
});

describe("long arguments in small deltas, each with the name, cost no more than in one", () => {
  const bytes = 48 * 1024;
  const size = 4;
  const written = {
    "of text": JSON.stringify({ x: "abc{".repeat(bytes / 4) }),
    "of braces": `{"x":[${"{},".repeat(bytes / 3)}{}]}`,
    "of braces in text": JSON.stringify({ x: "{y}{".repeat(bytes / 4) }),
  };

  test.each(Object.entries(written))("%s", (_name, text) => {
    for (const place of [{ index: 0 }, { id: "a" }, {}]) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
        text.slice(i * size, (i + 1) * size),
      );
      const parse = vi.spyOn(JSON, "parse");
      const before = process.cpuUsage();
      const calls = namesAndArguments(pieces.map((piece) => ({ ...place, ...fn("one", piece) })));
      const parsedChars = parse.mock.calls.reduce((sum, [given]) => sum + given.length, 0);
      parse.mockRestore();
      expect(calls.map((call) => call.arguments === text)).toEqual([true]);
      // Of one object a piece may look whole, and of the call its end.
      expect(parsedChars).toBeLessThan(8 * text.length);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1e6).toBeLessThan(5);
    }
  });
});
