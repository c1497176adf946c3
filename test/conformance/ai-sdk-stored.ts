import { createAiSdkSpeech, createTurnSteps, messagesOfChat } from "@parley/dialects";
import { createView, foldFrame, turn, turnOfRecord, type StoredTurn, type TurnView } from "@parley/protocol";
import { z } from "zod";
import { cases, knownFrames, type Case } from "./cases.ts";

/** The answers of the shared cases, as streams for clients of the AI SDK and as what they load of them later. */

const Chunk = z.looseObject({ type: z.string() });
export type Chunk = z.infer<typeof Chunk>;
export const Message = z.looseObject({ parts: z.array(Chunk) });
export type Message = z.infer<typeof Message>;
export type Major = 5 | 6 | 7;

const place = { conversation_id: "c_case", turn_id: "t_case" };

function viewsOf(one: Case): TurnView[] {
  let view = createView(place.conversation_id);
  return knownFrames(one).flatMap((frame) => {
    view = foldFrame(view, frame);
    return turn(view, one.turn_id) ?? [];
  });
}

/** What one stream says that sees these views. */
function said(version: Major, views: readonly TurnView[]) {
  const speech = createAiSdkSpeech({ version });
  const steps = createTurnSteps(speech.steps);
  const chunks: Chunk[] = [];
  for (const view of views) {
    const { bytes, next } = speech.say(steps.advance(view), place);
    for (const [, data = ""] of Buffer.concat(bytes)
      .toString()
      .matchAll(/^data: (\{[^\n]*)\n/gm))
      chunks.push(Chunk.parse(JSON.parse(data)));
    if (next !== "more") return { chunks, next };
  }
  return { chunks, next: "more" };
}

/** The turn as its record says it. Undefined: it has not ended. */
function storedOf({ parts, outcome }: TurnView): StoredTurn | undefined {
  if (outcome === undefined) return undefined;
  const { type: status, message_id, usage } = outcome;
  const failed = outcome.type === "error" ? { code: outcome.code, retryable: outcome.retryable } : {};
  const known = outcome.type === "complete" ? { metadata: outcome.metadata } : {};
  const common = { message_id, parts: [...parts], ts: 1 };
  const answer = { ...common, author: { role: "assistant" as const }, status, usage, ...failed, ...known };
  const asked = [{ type: "text" as const, text: "why?" }];
  const question = { ...common, parts: asked, id: "m1", author: { role: "user" as const } };
  return turnOfRecord({ v: 2, kind: "turn", ...place, question, answer }, 1);
}

/** Without what is undefined: as it is in JSON. */
export function plain(value: object | undefined): Message {
  return Message.parse(JSON.parse(JSON.stringify(value)));
}

/** Those that have ended. */
export const endedCases = cases.flatMap(([name, one]) => {
  const views = viewsOf(one);
  const last = views.at(-1);
  const stored = last && storedOf(last);
  if (last === undefined || stored === undefined) return [];
  const isSeen = one.frames.every(({ type }) => type !== "snapshot");
  return [{ name, views, stored, isSeen }];
});

/**
 * Streams of the answers, and what of them a message that is loaded has. A replay, as any stream that begins with a snapshot, begins a new step where a call stands behind one that has ended, and no stream
 * has a word on who decided that its client would not have from its own page. One that asks people ends there (6, 7), and one that takes back a step says it.
 */
export function followed(major: Major) {
  return endedCases.flatMap(({ name, views, stored, isSeen }) => {
    const { chunks, next } = said(major, views);
    const isWhole = next === "end" && chunks.every(({ type }) => !/^(data-approval|reset-step|error)$/.test(type));
    const replay = { how: "replay", name, stored, chunks: said(major, views.slice(-1)).chunks, isLive: false };
    return isWhole ? [replay, { how: "live", name, stored, chunks, isLive: isSeen }] : [replay];
  });
}

/**
 * Of what was for the moment nothing is kept, nor who stopped an answer, nor when to ask again. Files are compared apart: a stream has each when its call ends, a stored message has those
 * of calls that ran side by side behind all of these.
 */
export function compared({ parts, ...message }: Message, isLive: boolean): object {
  const kept = parts.filter(({ type }) => type !== "data-progress" && (isLive || type !== "step-start"));
  const same = kept.map(({ approval, ...part }) =>
    part.type === "data-end" || part.type === "data-error"
      ? { type: part.type }
      : { ...part, ...(isLive && { approval }) },
  );
  const isFile = ({ type }: { readonly type: string }): boolean => type === "file";
  // Whoever loads them has their fields in another order.
  const textOf = (part: object): string =>
    JSON.stringify(Object.entries(part).toSorted(([one], [other]) => one.localeCompare(other)));
  const files = same.filter(isFile).toSorted((one, other) => textOf(one).localeCompare(textOf(other)));
  return plain({ ...message, parts: same.filter((part) => !isFile(part)), files });
}

/** The question, and the answer. */
export function loaded(stored: StoredTurn, major: Major): Message[] {
  return messagesOfChat(stored, place.conversation_id, major).map(plain);
}
