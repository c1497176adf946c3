import { ChatBody, createAiSdkSpeech, decodeChat } from "@parley/dialects";
import { ApproveFrame, CallId, ChatError, TurnId } from "@parley/protocol";
import { z } from "zod";
import { createBegunStreams } from "../../transport/begun-streams.ts";
import type { FacadeDeps } from "../../transport/facade.ts";
import { jsonReply } from "../../transport/reply.ts";
import { defineRoute, given, nothing, type Route } from "../../transport/route.ts";
import { createHistoryRoute } from "./history.ts";
import {
  ask,
  conversationOf,
  howOf,
  maxBodyBytes,
  OneChat,
  runOf,
  shownBy,
  streamText,
  Versioned,
  type AiSdkDeps,
} from "./streaming.ts";
import { createWorkflowRoutes, onlyWhole } from "./workflow.ts";

/** The chats of the AI SDK: `useChat` with its stock transports. */

const summaries = {
  chat: "Send the last message of an AI SDK chat, or what was decided on calls, and stream the answer.",
  resume: "The running answer of an AI SDK chat from its beginning, or the last one, if a stream of it was cut.",
  stop: "Stop the running answer of an AI SDK chat. Closing a stream does not.",
  approve: "Decide on a tool call that waits for a person, for clients of version 5.",
};

export function createAiSdkRoutes({ redis, log, ...others }: FacadeDeps): Route[] {
  const begun = createBegunStreams({ redis, transcripts: others.bus.transcripts, log });
  const deps = { ...others, begun };
  const own = [chatRoute(deps), resumeRoute(deps), stopRoute(deps), approveRoute(deps), createHistoryRoute(deps)];
  return [...own, ...createWorkflowRoutes(deps)];
}

function chatRoute(deps: AiSdkDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/ai/chat",
    summary: summaries.chat,
    access: "user or developer",
    maxBodyBytes,
    params: nothing,
    query: Versioned,
    body: ChatBody,
    responses: { 200: { description: streamText } },
    async handle(call, { query: { v: version }, body }) {
      const speechOf = (decided: readonly CallId[] = []) => createAiSdkSpeech({ version, decided });
      return ask(deps, call, { body, asked: decodeChat(body), speechOf });
    },
  });
}

function resumeRoute(deps: AiSdkDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/ai/chat/:id/stream",
    summary: summaries.resume,
    access: "user or developer",
    params: OneChat,
    query: Versioned.extend({ startIndex: z.coerce.number().int().optional() }),
    body: nothing,
    responses: { 200: { description: streamText }, 204: { description: "Nothing runs, and nothing was cut." } },
    async handle(call, { params: { id }, query: { v: version, startIndex = 0 } }) {
      if (startIndex > 0) throw onlyWhole("Answers are replayed from their beginning only.");
      const shown = await shownBy(deps, call.caller, id);
      if (shown === undefined) return { status: 204, body: "" };
      const { place, kind } = shown;
      return deps.streams.stream(call, { place }, howOf(deps, place, createAiSdkSpeech({ version }), kind));
    },
  });
}

function stopRoute(deps: AiSdkDeps): Route {
  const Stopped = z.object({ turn_id: TurnId.describe("Its end comes in its streams.") });
  return defineRoute({
    method: "post",
    path: "/api/ai/chat/:id/stop",
    summary: summaries.stop,
    access: "user or developer",
    params: OneChat,
    query: nothing,
    body: nothing,
    responses: {
      200: { description: "It was asked to stop.", content: Stopped },
      204: { description: "Nothing runs." },
    },
    async handle({ caller }, { params: { id } }) {
      const run = await runOf(deps, caller, id);
      const place = run ?? { conversation_id: await conversationOf(deps, caller, id) };
      try {
        return jsonReply(200, { turn_id: await deps.commands.cancel(caller, place) });
      } catch (error) {
        if (!(error instanceof ChatError) || error.code !== "NOT_FOUND") throw error;
        return { status: 204, body: "" };
      }
    },
  });
}

function approveRoute(deps: AiSdkDeps): Route {
  const { approved, reason, confirm } = ApproveFrame.shape;
  return defineRoute({
    method: "post",
    path: "/api/ai/chat/:id/approvals/:call_id",
    summary: summaries.approve,
    access: "user or developer",
    params: OneChat.extend({ call_id: CallId }),
    query: nothing,
    body: z.object({ approved, reason: reason.nullish(), confirm: confirm.nullish() }),
    responses: { 204: { description: "It was decided so, now or before. The stream of the answer goes on." } },
    async handle({ caller }, { params: { id, call_id }, body }) {
      const conversation_id = await conversationOf(deps, caller, id);
      const said = { ...given("reason", body.reason), ...given("confirm", body.confirm) };
      await deps.commands.approve(caller, { conversation_id, call_id, approved: body.approved, ...said });
      return { status: 204, body: "" };
    },
  });
}
