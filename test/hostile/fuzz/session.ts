import { ServerFrame } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { z } from "zod";
import { handshake } from "../wire/handshake.ts";
import { opcodes } from "../wire/frame-bytes.ts";
import { connectRaw, type RawPeer } from "../wire/raw-peer.ts";
import { textProblem } from "./answer-text.ts";
import type { SocketInput, Speech } from "./inputs.ts";

/** What the session shows of a fuzzer's connection. */
export interface SessionResult {
  /** What must not be, in a sentence each. */
  readonly problems: readonly string[];
  /** Conversations that were accepted as it saw. */
  readonly accepted: readonly string[];
  /** It ended before everything was answered: what was accepted last may not have been told. */
  readonly isCut: boolean;
  readonly answers: number;
}

export interface SessionTarget {
  readonly port: number;
  readonly token: string;
}

const paths: Record<Speech, string> = {
  native: "/ws/chat",
  undecided: "/ws/chat",
  chatbot: "/api/v1/async/chatbot",
};

/** Dialect A: `{type, data}`; dialect C, and what is said before one is chosen: a type beside its fields. */
const SeedFrame = z.looseObject({ type: z.string().min(1), data: z.looseObject({}).optional() });
const Accepted = z.looseObject({ type: z.literal("accepted"), conversation_id: z.string() });

/** Plays one input and checks each answer. Never rejects for what the edge does. */
export async function playSession({ port, token }: SessionTarget, input: SocketInput): Promise<SessionResult> {
  using peer = await connectRaw(port);
  peer.write(handshakeOf(input, token));
  const isOpen = await happens(() => peer.head().startsWith("HTTP/1.1 101"));
  if (!isOpen) return { problems: [`no upgrade: ${peer.head().slice(0, 200)}`], accepted: [], isCut: true, answers: 0 };
  if (input.hasToken) await happens(() => peer.frames.length > (input.speech === "native" ? 1 : 0));
  for (const bytes of input.sends) peer.write(bytes);
  if (input.isCutOff) peer.reset();
  else await settled(peer);
  return { ...judge(peer, input), isCut: peer.hasEnded() || input.isCutOff, answers: peer.frames.length };
}

function handshakeOf({ speech, hasToken }: SocketInput, token: string): string {
  const query = hasToken ? `?token=${token}` : "";
  const headers = { "Sec-WebSocket-Protocol": speech === "native" ? "parley.v1" : null };
  return handshake({ first: `GET ${paths[speech]}${query} HTTP/1.1`, headers });
}

const settleMs = 150;

async function happens(condition: () => boolean): Promise<boolean> {
  return eventually(condition, { what: "it", timeoutMs: 5_000, intervalMs: 5 }).catch(() => false);
}

/** Until the connection has ended, or nothing has come for a while: who breaks frames gets no answer that says that it is the last. */
async function settled(peer: RawPeer): Promise<void> {
  let last = { count: peer.frames.length, at: performance.now() };
  await happens(() => {
    if (peer.frames.length !== last.count) last = { count: peer.frames.length, at: performance.now() };
    return peer.hasEnded() || performance.now() - last.at > settleMs;
  });
}

function judge(peer: RawPeer, { speech }: SocketInput): Pick<SessionResult, "problems" | "accepted"> {
  const problems: string[] = [];
  const accepted: string[] = [];
  for (const { opcode, payload, isMasked, reserved } of peer.frames) {
    if (isMasked || reserved !== 0) problems.push("a frame of the server is masked, or has a reserved bit");
    if (opcode !== opcodes.text) continue;
    const text = payload.toString("utf8");
    const value: unknown = parsed(text);
    const schema = speech === "native" ? ServerFrame : SeedFrame;
    if (!schema.safeParse(value).success) problems.push(`no frame that is documented: ${text.slice(0, 300)}`);
    const problem = textProblem(text);
    if (problem !== undefined) problems.push(`${problem}: ${text.slice(0, 300)}`);
    const told = Accepted.safeParse(value);
    if (told.success) accepted.push(told.data.conversation_id);
  }
  return { problems, accepted };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
