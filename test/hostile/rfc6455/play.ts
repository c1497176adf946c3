import { sleep } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { z } from "zod";
import { jsonFrame, opcodes } from "../wire/frame-bytes.ts";
import type { ReceivedFrame } from "../wire/frame-reader.ts";
import { openRaw } from "../wire/handshake.ts";
import type { RawPeer } from "../wire/raw-peer.ts";
import type { Outcome, Step } from "./case.ts";

/** Refused by its name, without a token: its answer is behind the answers to all that came before. */
const lastFrame = { type: "unsubscribe", conversation_id: "c_last" };

const Message = z.object({ type: z.string(), code: z.string().optional(), conversation_id: z.string().optional() });

async function take(peer: RawPeer, step: Step): Promise<void> {
  if (typeof step === "number") return sleep(step);
  if (step === "half-close") return peer.halfClose();
  if (step === "reset") return peer.reset();
  return peer.write(step);
}

function messageOf({ payload }: ReceivedFrame): z.infer<typeof Message> {
  return Message.parse(JSON.parse(payload.toString("utf8")));
}

function wordsOf(frame: ReceivedFrame): string {
  if (frame.opcode === opcodes.pong) return `PONG ${frame.payload.toString("utf8")}`;
  if (frame.opcode !== opcodes.text) return `opcode ${frame.opcode}`;
  const { type, code } = messageOf(frame);
  return code === undefined ? type : `${type} ${code}`;
}

function isLast(frame: ReceivedFrame): boolean {
  return frame.opcode === opcodes.text && messageOf(frame).conversation_id === lastFrame.conversation_id;
}

/** Sends the steps on a connection of its own and says what came of them. */
export async function play(port: number, steps: readonly Step[]): Promise<Outcome> {
  using peer = await openRaw(port);
  for (const step of steps) await take(peer, step);
  const isDone = steps.some((step) => step === "half-close" || step === "reset");
  if (!isDone) peer.write(jsonFrame(lastFrame));
  await eventually(() => peer.hasEnded() || peer.frames.some(isLast), {
    what: "an answer, or the end",
    timeoutMs: 10_000,
  });
  const close = peer.frames.find(({ opcode }) => opcode === opcodes.close);
  if (close !== undefined) return { closes: close.payload.length < 2 ? 1005 : close.payload.readUInt16BE(0) };
  if (peer.hasEnded()) return "cut";
  const [welcome, ...frames] = peer.frames.map(wordsOf);
  return { goesOn: frames.slice(0, -1).concat(welcome === "welcome" ? [] : ["no welcome first"]) };
}
