import { continuation, frameBytes, opcodes, pingFrame, textFrame } from "../wire/frame-bytes.ts";
import { inSection, jsonPing, pong, refused, type FrameCase } from "./case.ts";

const [one, two, three] = [jsonPing.slice(0, 4), jsonPing.slice(4, 9), jsonPing.slice(9)];
const more = { isLast: false };
const begin = textFrame(one, more);
const end = continuation(two + three);
const binary = frameBytes({ opcode: opcodes.binary, payload: "x" });

const of = inSection("5.4");

export const fragments: readonly FrameCase[] = [
  of("two fragments", [begin, end], pong),
  of("three fragments", [begin, continuation(two, more), continuation(three)], pong),
  of(
    "a fragment for each byte",
    [
      textFrame(jsonPing.slice(0, 1), more),
      ...jsonPing
        .slice(1, -1)
        .split("")
        .map((letter) => continuation(letter, more)),
      continuation(jsonPing.slice(-1)),
    ],
    pong,
  ),
  of("an empty first fragment", [textFrame("", more), continuation(jsonPing)], pong),
  of("an empty fragment in the middle", [begin, continuation("", more), end], pong),
  of("an empty last fragment", [textFrame(jsonPing, more), continuation("")], pong),
  of("nothing but empty fragments", [textFrame("", more), continuation("", more), continuation("")], refused),
  of("a ping between fragments, answered before the message", [begin, pingFrame("now"), end], {
    goesOn: ["PONG now", "pong"],
  }),
  of(
    "pings between all fragments",
    [begin, pingFrame("1"), continuation(two, more), pingFrame("2"), continuation(three)],
    { goesOn: ["PONG 1", "PONG 2", "pong"] },
  ),
  of("two messages in fragments, one after the other", [begin, end, begin, end], { goesOn: ["pong", "pong"] }),
  of("a continuation of nothing", [continuation(jsonPing)], "cut"),
  of("a continuation of nothing that is not the last", [continuation(jsonPing, more)], "cut"),
  of("a continuation behind a whole message", [textFrame(jsonPing), continuation("x")], "cut"),
  of("a whole text inside a fragmented text", [begin, textFrame(jsonPing)], "cut"),
  of("a fragmented text inside a fragmented text", [begin, begin], "cut"),
  of(
    "a binary message inside a fragmented text",
    [begin, binary, continuation(jsonPing)],
    { goesOn: ["error INVALID_FRAME", "pong"] },
    "It should end the connection. What came so far counts as binary and is refused, what follows is read as a text of its own: UTF-8 is checked all the same, and no frame of anybody else's is touched.",
  ),
  inSection("5.6")(
    "a binary message in fragments, refused as one",
    [frameBytes({ opcode: opcodes.binary, payload: one, isLast: false }), end],
    refused,
  ),
];
