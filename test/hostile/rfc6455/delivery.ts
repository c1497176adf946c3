import { pingFrame, textFrame } from "../wire/frame-bytes.ts";
import { inSection, jsonPing, pong, type FrameCase } from "./case.ts";

const whole = textFrame(jsonPing);
const long = textFrame(jsonPing.padEnd(200));
const two = Buffer.concat([whole, whole]);

function byteByByte(bytes: Buffer): FrameCase["sends"] {
  return [...bytes].flatMap((byte) => [Buffer.from([byte]), 1]);
}

const cut = inSection("5.2");
const end = inSection("7.1.1");

/** How the network cuts and joins frames, and how connections end. */
export const delivery: readonly FrameCase[] = [
  cut("a frame byte by byte", byteByByte(whole), pong),
  cut("a longer header byte by byte", [...byteByByte(long.subarray(0, 9)), long.subarray(9)], pong),
  cut("a ping byte by byte", byteByByte(pingFrame("slow")), { goesOn: ["PONG slow"] }),
  cut("one frame and a half, then the rest", [two.subarray(0, 30), 20, two.subarray(30)], { goesOn: ["pong", "pong"] }),
  cut("fifty frames in one segment", [Buffer.concat(Array.from({ length: 50 }, () => whole))], {
    goesOn: Array.from({ length: 50 }, () => "pong"),
  }),
  end("a client that says no more", [whole, "half-close"], "cut"),
  end("a client that says no more in the middle of a frame", [whole.subarray(0, 9), "half-close"], "cut"),
  end("a reset in the middle of a frame", [whole.subarray(0, 9), "reset"], "cut"),
];
