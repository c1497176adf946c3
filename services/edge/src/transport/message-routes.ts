import { ConversationId, MessageChanges, MessageId, Reaction } from "@parley/protocol";
import { z } from "zod";
import type { Changed } from "../commands/changes/changes.ts";
import type { Commands } from "../commands/commands.ts";
import { jsonReply, type Reply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

/** What people make of messages after they were written: docs/rooms.md. */

const OneMessage = z.object({ id: ConversationId, message_id: MessageId });
const path = "/api/v1/conversations/:id/messages/:message_id";

const ChangedAnswer = z.object({
  conversation_id: ConversationId,
  message_id: MessageId,
  changes: MessageChanges.optional().describe(
    "How it stands now. Absent: nothing was ever changed of it, or it waits behind another message and was changed there.",
  ),
});

const HistoryAnswer = z.object({
  conversation_id: ConversationId,
  message_id: MessageId,
  earlier: z
    .array(z.object({ message: z.string(), ts: z.number().describe("When it was written, ms since 1970.") }))
    .describe("Earlier texts, oldest first: the newest `earlierTexts`, and at most `earlierTextsBytes` of them."),
});

export function createMessageRoutes({ changes }: Pick<Commands, "changes">): Route[] {
  return [editRoute(changes), deleteRoute(changes), ...reactionRoutes(changes), historyRoute(changes)];
}

type Changes = Commands["changes"];

function answer({ id, message_id }: z.output<typeof OneMessage>, changed: Changed): Reply {
  const known = changed === undefined || changed.n === 0 ? {} : { changes: changed };
  return jsonReply(200, { conversation_id: id, message_id, ...known });
}

function editRoute({ edit }: Changes): Route {
  return defineRoute({
    method: "patch",
    path,
    summary: "Change the text of a message of one's own; no agent answers again.",
    access: "user",
    params: OneMessage,
    query: nothing,
    body: z.object({ message: z.string().describe("The text that takes the place of the earlier one.") }),
    responses: { 200: { description: "It says this now.", content: ChangedAnswer } },
    async handle({ caller }, { params, body: { message } }) {
      const wish = { conversation_id: params.id, message_id: params.message_id, message };
      return answer(params, await edit(caller, wish));
    },
  });
}

function deleteRoute({ remove }: Changes): Route {
  return defineRoute({
    method: "delete",
    path,
    summary: "Delete a message: one's own, or any as the owner of the conversation. Its place stays.",
    access: "user",
    params: OneMessage,
    query: nothing,
    body: nothing,
    responses: { 200: { description: "It is deleted, now or before.", content: ChangedAnswer } },
    async handle({ caller }, { params }) {
      return answer(params, await remove(caller, { conversation_id: params.id, message_id: params.message_id }));
    },
  });
}

function reactionRoutes({ react }: Changes): Route[] {
  const route = (method: "put" | "delete", summary: string, on: boolean): Route =>
    defineRoute({
      method,
      path: `${path}/reactions/:reaction`,
      summary,
      access: "user",
      params: OneMessage.extend({ reaction: Reaction.describe("An emoji, or a short word.") }),
      query: nothing,
      body: nothing,
      responses: { 200: { description: "It is so, now or before.", content: ChangedAnswer } },
      async handle({ caller }, { params }) {
        const { id: conversation_id, message_id, reaction } = params;
        return answer(params, await react(caller, { conversation_id, message_id, reaction, on }));
      },
    });
  return [route("put", "React to a message.", true), route("delete", "Take a reaction to a message back.", false)];
}

function historyRoute({ earlier }: Changes): Route {
  return defineRoute({
    method: "get",
    path: `${path}/history`,
    summary: "Earlier texts of a message, for the owner of a conversation that keeps them (`keeps_history`).",
    access: "user",
    params: OneMessage,
    query: nothing,
    body: nothing,
    responses: { 200: { description: "What it said before.", content: HistoryAnswer } },
    async handle({ caller }, { params: { id, message_id } }) {
      return jsonReply(200, { conversation_id: id, message_id, earlier: await earlier(caller, id, message_id) });
    },
  });
}
