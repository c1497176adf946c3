import { closeFrame, continuation, frameBytes, opcodes, pingFrame, pongFrame, textFrame } from "../wire/frame-bytes.ts";
import { inSection, jsonPing, type FrameCase } from "./case.ts";

const longest = "p".repeat(125);
const more = { isLast: false };

const control = inSection("5.5");
const ping = inSection("5.5.2");

const heartbeats: readonly FrameCase[] = [
  ping("a ping without payload", [pingFrame()], { goesOn: ["PONG "] }),
  ping("a ping with payload", [pingFrame("hello")], { goesOn: ["PONG hello"] }),
  ping("a ping with the longest payload", [pingFrame(longest)], { goesOn: [`PONG ${longest}`] }),
  ping("a ping of bytes that are no UTF-8", [pingFrame(Buffer.from([0xff, 0]))], { goesOn: ["PONG \ufffd\0"] }),
  ping("forty pings at once", [Buffer.concat(Array.from({ length: 40 }, (_, at) => pingFrame(String(at))))], {
    goesOn: Array.from({ length: 40 }, (_, at) => `PONG ${at}`),
  }),
  control("a ping of 126 bytes", [pingFrame(`${longest}p`)], "cut"),
  control("a pong of 126 bytes", [pongFrame(`${longest}p`)], "cut"),
  control("a ping in fragments", [pingFrame("x", more)], "cut"),
  control("a pong in fragments", [pongFrame("x", more)], "cut"),
  inSection("5.5.3")("a pong that nobody asked for", [pongFrame("x")], { goesOn: [] }),
];

/** Those that are repeated in the answer. */
const repeated = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 4000, 4001, 4501, 4999];
const newer = [1012, 1013, 1014, 3000, 3999];
const forbidden = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

const code = inSection("7.4");
const notRepeated =
  "Answers without a code, where a code may stand (5.5.1: `typically echos`): who closes knows why, and learns that it is closed.";
const notSaid = "Answers without a code where 1002 or 1007 would say what was wrong. The connection ends all the same.";

const closes: readonly FrameCase[] = [
  ...repeated.map((number) => code(`close ${number}`, [closeFrame(number)], { closes: number })),
  ...newer.map((number) => code(`close ${number}`, [closeFrame(number)], { closes: 1005 }, notRepeated)),
  ...forbidden.map((number) =>
    code(`close ${number}, which nobody may send`, [closeFrame(number)], { closes: 1005 }, notSaid),
  ),
  control("close without a code", [closeFrame()], { closes: 1005 }),
  control(
    "close with half a code",
    [frameBytes({ opcode: opcodes.close, payload: Buffer.from([3]) })],
    { closes: 1005 },
    notSaid,
  ),
  control("close with a reason", [closeFrame(1000, "bye")], { closes: 1000 }),
  control("close with the longest reason", [closeFrame(1000, "r".repeat(123))], { closes: 1000 }),
  control("close with a reason that is too long", [closeFrame(1000, "r".repeat(124))], "cut"),
  inSection("8.1")(
    "close with a reason that is no UTF-8",
    [closeFrame(1000, Buffer.from([0xff]))],
    { closes: 1005 },
    notSaid,
  ),
  control("close in fragments", [closeFrame(1000, "", more)], "cut"),
  control("close inside a fragmented message", [textFrame("{", more), closeFrame(1000), continuation("}")], {
    closes: 1000,
  }),
  control("a message behind close", [Buffer.concat([closeFrame(1000), textFrame(jsonPing)])], { closes: 1000 }),
  control("two closes", [Buffer.concat([closeFrame(1000), closeFrame(1001)])], { closes: 1000 }),
];

export const controls = [...heartbeats, ...closes];
