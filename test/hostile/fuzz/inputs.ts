import { ClientFrame, MessageFrame } from "@parley/protocol";
import { z } from "zod";
import { continuation, frameBytes, opcodes, pingFrame, textFrame } from "../wire/frame-bytes.ts";
import { mutatedJson } from "./mutation.ts";
import { oddText } from "./odd-values.ts";
import { createRandom, type Random } from "./random.ts";
import { sampleOf } from "./schema-sample.ts";

/** How a client introduces itself. */
export type Speech = "native" | "undecided" | "chatbot";

/** One connection and what it sends. */
export interface SocketInput {
  readonly speech: Speech;
  /** It shows its token with the upgrade. */
  readonly hasToken: boolean;
  readonly sends: readonly Buffer[];
  /** It goes away in the middle, without a word. */
  readonly isCutOff: boolean;
}

/** As the protocol has them now: a new frame is tried as soon as it has a schema. Messages more often than others: they go further. */
const frameSchemas = [...ClientFrame.options, MessageFrame, MessageFrame].map((option) =>
  z.toJSONSchema(option, { io: "input", unrepresentable: "any" }),
);

const maxFrames = 10;

function someOf<T>(random: Random, make: () => T): T[] {
  return Array.from({ length: 1 + random.below(maxFrames) }, make);
}

/** Frames of the native dialect. */
function nativeInput(random: Random): SocketInput {
  const sends = someOf(random, () => textFrame(mutatedJson(sampleOf(random.pick(frameSchemas), random), random)));
  return { speech: "native", hasToken: random.chance(85), sends, isCutOff: random.chance(5) };
}

/** As the clients of the seeds write them. */
function seedFrame(random: Random): object {
  const message = random.pick(["hello", "list pods", "", oddText(random)]);
  const session = random.pick<unknown>(["python-session-1", "c_fuzz", oddText(random), null]);
  return random.pick([
    { message, conversation_id: session },
    { message },
    { type: "message", message, session_id: session },
    { type: "message", message, session_id: session, customer_id: oddText(random) },
    { type: "message", message, id: "m1", conversation_id: "c_fuzz" },
    { type: "subscribe", conversation_id: "c_fuzz" },
    { type: "ping" },
    { type: "auth", token: oddText(random) },
    {},
  ]);
}

/** Frames of clients that do not ask for our subprotocol. */
function seedInput(random: Random): SocketInput {
  const speech = random.pick<Speech>(["undecided", "undecided", "chatbot"]);
  // Most of it is refused: what is not costs an answer of the model.
  const sends = someOf(random, () => textFrame(mutatedJson(seedFrame(random), random)));
  return { speech, hasToken: random.chance(70), sends, isCutOff: random.chance(5) };
}

const shapes: readonly ((random: Random) => Buffer)[] = [
  (random) => random.bytes(1 + random.below(60)),
  (random) => frameBytes({ opcode: opcodes.binary, payload: random.bytes(random.below(300)) }),
  () => frameBytes({ opcode: opcodes.binary, payload: '{"type":"ping"}' }),
  (random) =>
    frameBytes({ opcode: random.below(16), payload: random.bytes(random.below(130)), isLast: random.chance(70) }),
  (random) => textFrame(random.bytes(random.below(60))),
  (random) => textFrame('{"type":"ping"}', { isMasked: random.chance(50), reserved: random.below(8) }),
  (random) => textFrame("x", { saidLength: random.pick([0n, 2n, 126n, 65_536n, 393_217n, 1n << 32n, 1n << 63n]) }),
  (random) => textFrame('{"type":"ping"}', { lengthBytes: random.pick([2, 8]) }),
  (random) =>
    Buffer.concat([textFrame('{"ty', { isLast: false }), pingFrame(random.bytes(20)), continuation('pe":"ping"}')]),
  (random) => textFrame('{"type":"ping"}').subarray(0, random.below(20)),
  () => textFrame('{"type":"ping"}'),
];

/** Bytes of frames that are binary, cut, interleaved, or none. */
function wireInput(random: Random): SocketInput {
  const sends = someOf(random, () => random.pick(shapes)(random));
  return {
    speech: random.pick(["native", "undecided", "chatbot"]),
    hasToken: random.chance(30),
    sends,
    isCutOff: random.chance(30),
  };
}

const makers = { frames: nativeInput, dialects: seedInput, wire: wireInput } as const;
export type SocketKind = keyof typeof makers;
export const socketKinds: readonly SocketKind[] = ["frames", "dialects", "wire"];

/** The input number `at` of a seed, the same whenever it is asked for. */
export function socketInput(kind: SocketKind, seed: number, at: number): SocketInput {
  return makers[kind](createRandom(`${seed} ${kind} ${at}`));
}
