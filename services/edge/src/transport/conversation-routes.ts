import type { Bus } from "@parley/bus";
import { legacyStatus } from "@parley/dialects";
import {
  ApproveFrame,
  CallId,
  ChatError,
  ConversationId,
  FeedbackFrame,
  MessageId,
  TurnId,
  feedbackBy,
  storedParts,
  turnOfCall,
  TitleFrame,
  type TranscriptMessage,
  type Caller,
  type Feedback,
} from "@parley/protocol";
import { z } from "zod";
import type { Commands } from "../commands/commands.ts";
import type { Conversations } from "../commands/conversations/conversations.ts";
import { CursorText, cursorOf, cursorText } from "../commands/conversations/page-cursor.ts";
import type { Ownership } from "../commands/ownership.ts";
import { ApprovalAnswer, CancelAnswer, FeedbackAnswer, MessagePage, ResultAnswer, TitleAnswer } from "./answers.ts";
import { createMessageRoutes } from "./message-routes.ts";
import { jsonReply } from "./reply.ts";
import { Knowing, answerReply, knowsUnknownStatus, pageLimit } from "./request-fields.ts";
import { defineRoute, given, nothing, type Route } from "./route.ts";

export interface ConversationRouteDeps {
  readonly conversations: Conversations;
  readonly facts: Pick<Bus["facts"], "read">;
  readonly ownership: Ownership;
  readonly commands: Omit<Commands, "message">;
}

const OneConversation = z.object({ id: ConversationId });

export function createConversationRoutes(deps: ConversationRouteDeps): Route[] {
  return [
    messagesRoute(deps),
    resultRoute(deps),
    deletionRoute(deps),
    cancelRoute(deps),
    approvalRoute(deps),
    titleRoute(deps),
    feedbackRoute(deps),
    changeRoute(deps),
    removalRoute(deps),
    ...createMessageRoutes(deps.commands),
  ];
}

function messagesRoute({ conversations, ownership }: ConversationRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/v1/conversations/:id/messages",
    summary: "The transcript of a conversation, a page at a time, the newest page first.",
    access: "user",
    params: OneConversation,
    query: z.object({
      limit: pageLimit,
      before: CursorText.optional().describe("What the page behind it has said."),
      branch: TurnId.optional().describe(
        "A turn: the newest branch that goes through it. Absent: the branch of the newest turn. A page with `before` is of the branch of the page behind it.",
      ),
      leaf: TurnId.optional().describe("Instead: what leads to this turn, it included, and nothing behind it."),
      ...Knowing.shape,
    }),
    body: nothing,
    responses: { 200: { description: "A page of messages.", content: MessagePage } },
    async handle({ caller }, { params: { id }, query }) {
      await ownership.reader(id, caller);
      const until = cursorOf(query.before);
      const cursor = { ...until, leaf: until.leaf ?? query.leaf };
      const [read, room] = await Promise.all([
        conversations.messages(id, query.limit, cursor, query.branch),
        ownership.room(id, caller),
      ]);
      const { title, feedback, handover, changes, next } = read;
      const before = next && cursorText(next);
      const said = feedbackBy(feedback, caller.user.id);
      const messages = read.messages.map((message) => withParts(message, said.get(message.message_id)));
      const named = { conversation_id: id, ...(title === undefined ? {} : { title }) };
      const titled = handover === undefined ? named : { ...named, handover };
      const peopled = room === undefined || query.before !== undefined ? titled : { ...titled, room };
      const changed = changes.length === 0 ? peopled : { ...peopled, changes };
      const page = { ...changed, messages, ...(before === undefined ? {} : { before }) };
      return answerReply(page, knowsUnknownStatus(query));
    },
  });
}

function resultRoute({ facts, ownership }: ConversationRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/v1/conversations/:id/results/:call_id",
    summary: "The whole arguments and result of a tool call, for 8 days: events and messages have their beginnings.",
    access: "user",
    params: OneConversation.extend({ call_id: CallId }),
    query: Knowing,
    body: nothing,
    responses: { 200: { description: "The call and its result.", content: ResultAnswer } },
    async handle({ caller }, { params: { id, call_id }, query }) {
      await ownership.check(id, caller, "conversation:read");
      const turn = turnOfCall(call_id);
      const fact =
        turn === undefined ? undefined : await facts.read("result", { conversation: id, turn, call: call_id });
      if (fact?.kind !== "result")
        throw new ChatError("NOT_FOUND", { message: "There is no such result, or not any more." });
      const result = ResultAnswer.parse(fact);
      return jsonReply(200, knowsUnknownStatus(query) ? result : { ...result, status: legacyStatus(result.status) });
    },
  });
}

/** Who reads over HTTP need not know how parts are made of a message that is kept without. */
function withParts(message: TranscriptMessage, feedback: Feedback | undefined): TranscriptMessage {
  return { ...message, parts: [...storedParts(message)], ...(feedback === undefined ? {} : { feedback }) };
}

function deletionRoute({ conversations, ownership }: ConversationRouteDeps): Route {
  return defineRoute({
    method: "delete",
    path: "/api/v1/conversations/:id",
    summary: "Cancel what runs in a conversation and delete all of it.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: nothing,
    responses: { 204: { description: "There is nothing of it, any more or ever." } },
    async handle({ caller }, { params: { id } }) {
      if (await isTheirs(ownership, id, caller)) await conversations.delete(id, caller);
      return { status: 204, body: "" };
    },
  });
}

/** Throws FORBIDDEN; false when it is nobody's. */
async function isTheirs(ownership: Ownership, conversation: ConversationId, caller: Caller): Promise<boolean> {
  try {
    await ownership.check(conversation, caller, "conversation:delete");
    return true;
  } catch (error) {
    if (error instanceof ChatError && error.code === "NOT_FOUND") return false;
    throw error;
  }
}

function titleRoute({ commands }: ConversationRouteDeps): Route {
  return defineRoute({
    method: "put",
    path: "/api/v1/conversations/:id/title",
    summary: "Give a conversation a title; whoever looks at it is told.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: TitleFrame.pick({ title: true }),
    responses: { 200: { description: "The title as it is kept.", content: TitleAnswer } },
    async handle({ caller }, { params: { id }, body: { title } }) {
      return jsonReply(200, {
        conversation_id: id,
        title: await commands.title(caller, { conversation_id: id, title }),
      });
    },
  });
}

function feedbackRoute({ commands }: ConversationRouteDeps): Route {
  const { rating, comment } = FeedbackFrame.shape;
  return defineRoute({
    method: "put",
    path: "/api/v1/conversations/:id/messages/:message_id/feedback",
    summary: "Say what one thinks of an answer; null as the rating takes it back.",
    access: "user",
    params: OneConversation.extend({ message_id: MessageId }),
    query: nothing,
    body: z.object({ rating, comment: comment.nullable() }),
    responses: { 200: { description: "What counts now.", content: FeedbackAnswer } },
    async handle({ caller }, { params: { id: conversation_id, message_id }, body }) {
      const wish = { conversation_id, message_id, rating: body.rating, ...given("comment", body.comment) };
      const { type: _type, id: _id, ...answer } = await commands.feedback(caller, wish);
      return jsonReply(200, answer);
    },
  });
}

const OneTurn = OneConversation.extend({ turn_id: TurnId });
const queuePath = "/api/v1/conversations/:id/queue/:turn_id";

function changeRoute({ commands }: ConversationRouteDeps): Route {
  return defineRoute({
    method: "patch",
    path: queuePath,
    summary: "Change the text of a message that waits behind another one.",
    access: "user",
    params: OneTurn,
    query: nothing,
    body: z.object({ message: z.string().describe("The text that is to be answered instead.") }),
    responses: { 204: { description: "This text will be answered." } },
    async handle({ caller }, { params: { id, turn_id }, body: { message } }) {
      await commands.queue(caller, { conversation_id: id, turn_id, message });
      return { status: 204, body: "" };
    },
  });
}

function removalRoute({ commands }: ConversationRouteDeps): Route {
  return defineRoute({
    method: "delete",
    path: queuePath,
    summary: "Take a message back that waits behind another one; its turn ends as cancelled.",
    access: "user",
    params: OneTurn,
    query: nothing,
    body: nothing,
    responses: { 204: { description: "It will not be answered." } },
    async handle({ caller }, { params: { id, turn_id } }) {
      await commands.queue(caller, { conversation_id: id, turn_id, remove: true });
      return { status: 204, body: "" };
    },
  });
}

function cancelRoute({ commands }: ConversationRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/v1/conversations/:id/cancel",
    summary: "Ask a running answer to stop; its own end says that it has.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: z.object({ turn_id: TurnId.nullish().describe("Absent: the one that runs.") }),
    responses: { 202: { description: "It was asked to.", content: CancelAnswer } },
    async handle({ caller }, { params, body }) {
      const wish = { conversation_id: params.id, ...(body.turn_id ? { turn_id: body.turn_id } : {}) };
      return jsonReply(202, { turn_id: await commands.cancel(caller, wish) });
    },
  });
}

function approvalRoute({ commands }: ConversationRouteDeps): Route {
  const { approved, reason, confirm, like_ms, content } = ApproveFrame.shape;
  return defineRoute({
    method: "post",
    path: "/api/v1/conversations/:id/approvals/:call_id",
    summary: "Decide on a tool call that waits for a person.",
    access: "user",
    params: OneConversation.extend({ call_id: CallId }),
    query: nothing,
    body: z.object({
      ...{ approved, reason: reason.nullable(), confirm: confirm.nullable() },
      ...{ like_ms: like_ms.nullable(), content: content.nullable() },
    }),
    responses: { 200: { description: "It was decided so, now or before.", content: ApprovalAnswer } },
    async handle({ caller }, { params: { id: conversation_id, call_id }, body }) {
      const wish = { conversation_id, call_id, approved: body.approved };
      const said = {
        ...given("reason", body.reason),
        ...given("confirm", body.confirm),
        ...given("like_ms", body.like_ms),
        ...given("content", body.content),
      };
      return jsonReply(200, ApprovalAnswer.parse(await commands.approve(caller, { ...wish, ...said })));
    },
  });
}
