import fc from "fast-check";
import { describe, expect, test } from "vitest";
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

const fn = (name: string | undefined, args?: unknown) => ({
  function: { ...(name !== undefined && { name }), arguments: args },
});

const deviations: [string, Fields[], [string, string][]][] = [
  [
    "by the book, interleaved",
    [
      { index: 0, id: "a", type: "function", ...fn("one", "") },
      { index: 1, id: "b", type: "function", ...fn("two", "") },
      { index: 0, ...fn(undefined, '{"x":') },
      { index: 1, ...fn(undefined, '{"y"') },
      { index: 0, ...fn(undefined, "1}") },
      { index: 1, ...fn(undefined, ":2}") },
    ],
    [
      ["one", '{"x":1}'],
      ["two", '{"y":2}'],
    ],
  ],
  [
    "no index, id in the first delta only",
    [{ id: "a", ...fn("one", '{"x"') }, fn(undefined, ":1}"), { id: "b", ...fn("two", '{"y":2') }, fn(undefined, "}")],
    [
      ["one", '{"x":1}'],
      ["two", '{"y":2}'],
    ],
  ],
  [
    "no index, id in every delta, interleaved",
    [
      { id: "a", ...fn("one", '{"x"') },
      { id: "b", ...fn("two", '{"y"') },
      { id: "a", ...fn(undefined, ":1}") },
      { id: "b", ...fn(undefined, ":2}") },
    ],
    [
      ["one", '{"x":1}'],
      ["two", '{"y":2}'],
    ],
  ],
  [
    "every call at index 0 with its own id",
    [
      { index: 0, id: "a", ...fn("one", '{"x":1}') },
      { index: 0, id: "b", ...fn("one", '{"x":') },
      { index: 0, ...fn(undefined, "2}") },
    ],
    [
      ["one", '{"x":1}'],
      ["one", '{"x":2}'],
    ],
  ],
  [
    "every call at index 0 without ids, whole in one delta",
    [
      { index: 0, id: "", ...fn("one", '{"x":1}') },
      { index: 0, id: "", ...fn("one", '{"x":2}') },
      { index: 0, id: "", ...fn("two", "{}") },
    ],
    [
      ["one", '{"x":1}'],
      ["one", '{"x":2}'],
      ["two", "{}"],
    ],
  ],
  [
    "neither index nor id, whole in one delta",
    [fn("one", '{"x":1}'), fn("one", '{"x":1}')],
    [
      ["one", '{"x":1}'],
      ["one", '{"x":1}'],
    ],
  ],
  [
    "the same id for two calls",
    [
      { index: 0, id: "call", ...fn("one", '{"x":1}') },
      { index: 1, id: "call", ...fn("one", '{"x":2}') },
    ],
    [
      ["one", '{"x":1}'],
      ["one", '{"x":2}'],
    ],
  ],
  [
    "the same id for two calls, and no index",
    [
      { id: "call", ...fn("one", '{"x":1}') },
      { id: "call", ...fn("one", '{"x":2}') },
    ],
    [
      ["one", '{"x":1}'],
      ["one", '{"x":2}'],
    ],
  ],
  [
    "a new id in every delta of one call",
    [
      { index: 0, id: "a", ...fn("one", '{"x"') },
      { index: 0, id: "b", ...fn(undefined, ":1") },
      { index: 0, id: "c", ...fn(undefined, "}") },
    ],
    [["one", '{"x":1}']],
  ],
  [
    "a name in every delta",
    [
      { index: 0, id: "a", ...fn("one", '{"x"') },
      { index: 0, ...fn("one", ":1}") },
      { index: 0, ...fn("one", "") },
    ],
    [["one", '{"x":1}']],
  ],
  [
    "an empty name after the first delta",
    [
      { index: 0, id: "a", ...fn("one", '{"x"') },
      { index: 0, id: "", ...fn("", ":1}") },
    ],
    [["one", '{"x":1}']],
  ],
  [
    "the whole call again at the end",
    [
      { index: 0, id: "a", ...fn("one", '{"x"') },
      { index: 0, ...fn(undefined, ":1}") },
      { index: 0, id: "a", ...fn("one", '{"x":1}') },
    ],
    [["one", '{"x":1}']],
  ],
  ["arguments as an object", [{ index: 0, id: "a", ...fn("one", { x: { y: [1] } }) }], [["one", '{"x":{"y":[1]}}']]],
  [
    "neither index, id nor arguments",
    [fn("one"), fn("two")],
    [
      ["one", "{}"],
      ["two", "{}"],
    ],
  ],
  [
    "the id before the name",
    [
      { index: 0, id: "a" },
      { index: 0, ...fn("one", "{}") },
    ],
    [["one", "{}"]],
  ],
  [
    "the id after the name",
    [
      { index: 0, ...fn("one", "{") },
      { index: 0, id: "a", ...fn(undefined, "}") },
      { index: 0, id: "b", ...fn("one", "") },
    ],
    [
      ["one", "{}"],
      ["one", "{}"],
    ],
  ],
  [
    "no arguments at all",
    [
      { index: 0, id: "a", function: { name: "one" } },
      { index: 1, id: "b", ...fn("two", null) },
      { index: 2, id: "c", ...fn("three", " ") },
    ],
    [
      ["one", "{}"],
      ["two", "{}"],
      ["three", "{}"],
    ],
  ],
  [
    "indexes that do not begin at 0 or are not numbers",
    [
      { index: 3, id: "a", ...fn("one", "{}") },
      { index: "x", id: "b", ...fn("two", "{}") },
    ],
    [
      ["one", "{}"],
      ["two", "{}"],
    ],
  ],
  [
    "placeholders that say nothing",
    [{ index: 0 }, { index: 1, id: "a", function: null }, { index: 2, id: "b", ...fn("one", "{}") }],
    [["one", "{}"]],
  ],
  [
    "an empty object before the real arguments, whole",
    [
      { index: 0, id: "a", ...fn("one", "{}") },
      { index: 0, ...fn(undefined, '{"x":1}') },
    ],
    [["one", '{"x":1}']],
  ],
  [
    "an empty object before the real arguments, in pieces",
    [
      { index: 0, id: "a", ...fn("one", "{}") },
      { index: 0, ...fn(undefined, '{"x"') },
      { index: 0, ...fn(undefined, ":1}") },
    ],
    [["one", '{"x":1}']],
  ],
  [
    "an empty object before the real arguments, with id and name again",
    [
      { index: 0, id: "a", ...fn("one", "{}") },
      { index: 0, id: "a", ...fn("one", '{"x":1}') },
    ],
    [["one", '{"x":1}']],
  ],
  [
    "an empty object as an object before the real arguments",
    [
      { index: 0, id: "a", ...fn("one", {}) },
      { index: 0, id: "a", ...fn(undefined, { x: 1 }) },
    ],
    [["one", '{"x":1}']],
  ],
  [
    "null before the real arguments",
    [
      { index: 0, id: "a", ...fn("one", "null") },
      { index: 0, ...fn(undefined, '{"x":1}') },
    ],
    [["one", '{"x":1}']],
  ],
  [
    "the arguments again at the end, without id and name",
    [
      { index: 0, id: "a", ...fn("one", '{"x"') },
      { index: 0, ...fn(undefined, ":1}") },
      { index: 0, ...fn(undefined, '{"x":1}') },
    ],
    [["one", '{"x":1}']],
  ],
  [
    "the call again at the end, without id and index",
    [{ index: 0, id: "a", ...fn("one", '{"x":1}') }, fn("one", '{ "x": 1 }')],
    [["one", '{"x":1}']],
  ],
  [
    "both calls again at the end, by their index",
    [
      { index: 0, id: "a", ...fn("one", '{"x":1}') },
      { index: 1, id: "b", ...fn("two", '{"y":2}') },
      { index: 0, ...fn("one", '{"x":1}') },
      { index: 1, ...fn("two", '{"y":2}') },
    ],
    [
      ["one", '{"x":1}'],
      ["two", '{"y":2}'],
    ],
  ],
  [
    "both calls again at the end, in pieces",
    [
      { index: 0, id: "a", ...fn("one", '{"x":1}') },
      { index: 1, id: "b", ...fn("two", '{"y":2}') },
      { index: 0, id: "a", ...fn("one", '{"x"') },
      { index: 0, ...fn(undefined, ":1}") },
      { index: 1, id: "b", ...fn("two", '{"y"') },
      { index: 1, ...fn(undefined, ":2}") },
    ],
    [
      ["one", '{"x":1}'],
      ["two", '{"y":2}'],
    ],
  ],
  [
    "the arguments again at the end, in pieces without anything",
    [{ index: 0, id: "a", ...fn("one", '{"x":1}') }, fn(undefined, '{"x"'), fn(undefined, ":1}")],
    [["one", '{"x":1}']],
  ],
  [
    "the arguments again at the end, as an object",
    [
      { index: 0, id: "a", ...fn("one", '{"x": 1}') },
      { index: 0, id: "a", ...fn("one", { x: 1 }) },
    ],
    [["one", '{"x": 1}']],
  ],
  [
    "in each delta all that came before",
    [
      { index: 0, id: "a", ...fn("one", '{"x"') },
      { index: 0, id: "a", ...fn("one", '{"x":1') },
      { index: 0, id: "a", ...fn("one", '{"x":1}') },
    ],
    [["one", '{"x":1}']],
  ],
  ["arguments encoded twice", [{ index: 0, id: "a", ...fn("one", JSON.stringify('{"x":1}')) }], [["one", '{"x":1}']]],
  [
    "arguments encoded twice, in pieces and again",
    [
      { index: 0, id: "a", ...fn("one", '"{\\"x') },
      { index: 0, ...fn(undefined, '\\":1}"') },
      { index: 0, ...fn(undefined, '"{\\"x\\":1}"') },
    ],
    [["one", '{"x":1}']],
  ],
  ...["null", '"null"', '""', "[]", '"{}"', "\n"].map((text): [string, Fields[], [string, string][]] => [
    `${JSON.stringify(text)} for no arguments`,
    [{ index: 0, id: "a", ...fn("one", text) }],
    [["one", "{}"]],
  ]),
  ["a code fence", [{ index: 0, id: "a", ...fn("one", '```json\n{"x":1}\n```') }], [["one", '{"x":1}']]],
  ["the end of a template", [{ index: 0, id: "a", ...fn("one", '{"x":1}</tool_call>') }], [["one", '{"x":1}']]],
  ["one brace too many", [{ index: 0, id: "a", ...fn("one", '{"x":{"y":"}"}}}') }], [["one", '{"x":{"y":"}"}}']]],
  [
    "the index as text",
    [
      { index: "0", id: "a", ...fn("one", '{"x"') },
      { index: "1", id: "b", ...fn("two", "{}") },
      { index: "0", ...fn(undefined, ":1}") },
    ],
    [
      ["one", '{"x":1}'],
      ["two", "{}"],
    ],
  ],
  ["ids that are numbers", [{ index: 0, id: 7, ...fn("one", "{}") }], [["one", "{}"]]],
  ["name and arguments without a function", [{ id: "a", name: "one", arguments: { x: 1 } }], [["one", '{"x":1}']]],
  ["two different objects, unchanged", [{ id: "a", ...fn("one", '{"x":1}{"x":2}') }], [["one", '{"x":1}{"x":2}']]],
  ["arguments cut after an empty object, unchanged", [{ id: "a", ...fn("one", '{}{"x":') }], [["one", '{}{"x":']]],
  ["malformed arguments, unchanged", [{ index: 0, id: "a", ...fn("one", '{"x":') }], [["one", '{"x":']]],
];

describe("assembles calls of servers that send", () => {
  test.each(deviations)("%s", (_name, deltas, calls) => {
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
    );
  });
});
