import {
  ChatBody,
  createNumberedSpeech,
  decodeChat,
  numberedHistoryOf,
  stepOfCall,
  type NumberedFrom,
  type NumberedHistory,
  type RunPlace,
} from "@parley/dialects";
import { ChatError } from "@parley/protocol";
import { z } from "zod";
import { defineRoute, nothing, type Route } from "../../transport/route.ts";
import { readTurnEvents } from "../../transport/turn-events.ts";
import { ask, howOf, maxBodyBytes, OneChat, shownBy, streamText, type AiSdkDeps } from "./streaming.ts";

/**
 * Chats of the AI SDK for `WorkflowChatTransport`, which counts chunks and asks for what follows when its stream breaks. An address of their own, since it makes
 * the address of a stream by adding to the one that it was given.
 */

const summaries = {
  chat: "As /api/ai/chat, with chunks that are numbered.",
  resume: "What follows the first `startIndex` chunks of an answer; a negative one counts from what there is.",
};

export function createWorkflowRoutes(deps: AiSdkDeps): Route[] {
  return [workflowRoute(deps), followingRoute(deps)];
}

function workflowRoute(deps: AiSdkDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/ai/workflow",
    summary: summaries.chat,
    access: "user or developer",
    maxBodyBytes,
    params: nothing,
    query: nothing,
    body: ChatBody,
    responses: { 200: { description: streamText } },
    async handle(call, { body }) {
      const speechOf = (decided: readonly string[] = []) =>
        createNumberedSpeech(decided.length === 0 ? undefined : { behind: stepOfCall(decided.at(-1) ?? "") });
      return ask(deps, call, { body, asked: decodeChat(body), speechOf });
    },
  });
}

function followingRoute(deps: AiSdkDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/ai/workflow/:id/stream",
    summary: summaries.resume,
    access: "user or developer",
    params: OneChat,
    query: z.object({ startIndex: z.coerce.number().int().optional() }),
    body: nothing,
    responses: { 200: { description: streamText }, 204: { description: "Nothing runs, and nothing was cut." } },
    async handle(call, { params: { id }, query: { startIndex = 0 } }) {
      const shown = await shownBy(deps, call.caller, id);
      if (shown === undefined) return { status: 204, body: "" };
      const { place } = shown;
      const { from, last } = await placeIn(deps, place, startIndex);
      // Who has a number has had a stream before.
      const { headers, ...how } = howOf(
        deps,
        place,
        createNumberedSpeech(from),
        startIndex > 0 ? "continued" : shown.kind,
      );
      const tail = startIndex < 0 && last !== undefined ? { "x-workflow-stream-tail-index": String(last) } : {};
      return deps.streams.stream(call, { place }, { ...how, headers: { ...headers, ...tail } });
    },
  });
}

interface StreamPlace {
  /** Undefined: from the beginning. */
  readonly from?: NumberedFrom;
  /** The client's number of the last chunk that is there. */
  readonly last?: number;
}

/** Where a client goes on. Throws CONFLICT where nobody can tell what it has. */
async function placeIn(deps: AiSdkDeps, place: RunPlace, startIndex: number): Promise<StreamPlace> {
  const { behind } = place;
  if (startIndex === 0 && behind === undefined) return {};
  const events = await readTurnEvents(deps.bus.events, place);
  const known = events && numberedHistoryOf(place, events);
  if (known === undefined) {
    if (startIndex < 0 && behind === undefined) return {};
    throw onlyWhole("How this answer was told is not kept any more.");
  }
  const first = behind === undefined ? 1 : known.behind(behind);
  if (first === undefined) throw onlyWhole("Nobody was asked there.");
  // Behind a `start`, which is the first for everybody.
  const missing = first - 1;
  const length = known.length - missing;
  const number = startIndex < 0 ? Math.max(0, length + startIndex) : startIndex;
  const last = length - 1;
  const has = startIndex < 0 ? [] : known.chunks;
  if (number === 0) return { from: { index: first, has, startsAnew: true }, last };
  const index = number + missing;
  checkNumber(known, index);
  return { from: { index, has: has.slice(0, index), startsAnew: false }, last };
}

function checkNumber({ chunks, isOver, isDoubtful }: NumberedHistory, index: number): void {
  if (index > chunks.length || (isOver && index === chunks.length))
    throw onlyWhole(`The answer has no chunk with this number${isOver ? "" : " yet"}.`);
  if (isDoubtful(index)) throw onlyWhole("The answer was begun anew and differs from what is shown.");
}

/** `why`: a sentence. */
export function onlyWhole(why: string): ChatError {
  return new ChatError("CONFLICT", {
    message: `The connection broke. ${why} Resume the chat once more to see all of it.`,
  });
}
