import type { Fields } from "../../src/model/fields.ts";

/** What stands beside index and id in a delta. */
export const fn = (name: string | undefined, args?: unknown) => ({
  function: { ...(name !== undefined && { name }), arguments: args },
});

/** Deltas as servers send them, and the calls they stand for. */
export const callDeviations: [name: string, deltas: Fields[], calls: [string, string][]][] = [
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
  [
    "a comma too many",
    [{ index: 0, id: "a", ...fn("one", '{"x":[1,],"y":", }",}') }],
    [["one", '{"x":[1],"y":", }"}']],
  ],
  [
    "as Python writes them",
    [{ index: 0, id: "a", ...fn("one", `{'x': True, 'y': [None, "it's", 'a "b"', 'it\\'s \\x41'], 'None': 1}`) }],
    [["one", '{"x":true,"y":[null,"it\'s","a \\"b\\"","it\'s A"],"None":1}']],
  ],
  ["Python's nothing", [{ index: 0, id: "a", ...fn("one", "None") }], [["one", "{}"]]],
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
  ["a raw line feed in a string", [{ id: "a", ...fn("one", '{"x":"a\nb\t"}') }], [["one", '{"x":"a\\nb\\t"}']]],
  ["a number that JSON has not, unchanged", [{ id: "a", ...fn("one", '{"x":NaN}') }], [["one", '{"x":NaN}']]],
  ["malformed arguments, unchanged", [{ index: 0, id: "a", ...fn("one", '{"x":') }], [["one", '{"x":']]],
];
