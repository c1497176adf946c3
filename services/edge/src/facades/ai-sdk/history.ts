import { messagesOfChat, operatorMessage, questionMessage, type UiMessage } from "@parley/dialects";
import { ChatError, type ConversationId, type StoredTurn } from "@parley/protocol";
import { z } from "zod";
import { CursorText, cursorOf, cursorText, type PageCursor } from "../../commands/conversations/page-cursor.ts";
import { jsonReply } from "../../transport/reply.ts";
import { pageLimit } from "../../transport/request-fields.ts";
import { defineRoute, nothing, type Route } from "../../transport/route.ts";
import { conversationOf, OneChat, Versioned, type AiSdkDeps } from "./streaming.ts";

const History = z.object({
  messages: z
    .array(z.looseObject({ id: z.string(), role: z.string(), parts: z.array(z.looseObject({ type: z.string() })) }))
    .describe("`UIMessage`s, the oldest first."),
  before: z.string().optional().describe("Where the page before this one ends; absent: there is none."),
});

/** What a page begins with that is loaded again: the answer that runs its stream brings. */
export function createHistoryRoute(deps: AiSdkDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/ai/chat/:id/messages",
    summary: "What was said in an AI SDK chat, as its messages, a page at a time, the newest page first.",
    access: "user or developer",
    params: OneChat,
    query: Versioned.extend({ limit: pageLimit, before: CursorText.optional() }),
    body: nothing,
    responses: { 200: { description: "A page of messages; of a chat that is not there none.", content: History } },
    async handle({ caller }, { params: { id }, query: { v: version, limit, before: until } }) {
      const conversation = await conversationOf(deps, caller, id);
      if (!(await deps.ownership.isOwn(conversation, caller))) return jsonReply(200, { messages: [] });
      // Before the transcript: a turn that ends meanwhile is in one of them.
      const open = until === undefined ? await openQuestions(deps, conversation) : new Map<string, UiMessage>();
      const cursor = cursorOf(until);
      const { turns, next } = await deps.conversations.messages(conversation, limit, cursor).catch(noneOf);
      const before = next && cursorText(next);
      for (const { turn_id, answer } of turns) if (answer !== undefined) open.delete(turn_id);
      const kept = turns.filter(({ turn_id }) => !open.has(turn_id));
      const said = kept.flatMap((turn) => messagesOfChat(turn, conversation, version));
      const messages = [...said, ...open.values()];
      return jsonReply(200, { messages, ...(before === undefined ? {} : { before }) });
    },
  });
}

/** By turns that run or wait: what was asked, in their order. A message that waits can be changed, and taken back. */
async function openQuestions({ bus }: AiSdkDeps, conversation: ConversationId): Promise<Map<string, UiMessage>> {
  const queued = await bus.turns.waiting(conversation);
  const texts = await Promise.all(queued.map(({ request }) => bus.waitingTexts.read(request)));
  const open = new Map<string, UiMessage>();
  for (const [index, { request }] of queued.entries()) {
    const text = texts[index];
    if (text?.state === "taken back") continue;
    const { turn_id, message, files, id: asked, handover } = request;
    const said = text?.message ?? message;
    open.set(
      turn_id,
      handover === "answer" ? operatorMessage(turn_id, said) : questionMessage(turn_id, said, { asked, files }),
    );
  }
  return open;
}

interface Page {
  readonly turns: readonly StoredTurn[];
  readonly next: PageCursor | undefined;
}

/** A chat that was begun and of which nothing is kept yet, or any more. */
function noneOf(error: unknown): Page {
  if (error instanceof ChatError && error.code === "NOT_FOUND") return { turns: [], next: undefined };
  throw error;
}
