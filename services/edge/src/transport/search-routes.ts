import { ConversationId, TurnId, demand, type May } from "@parley/protocol";
import { z } from "zod";
import type { Conversations } from "../commands/conversations/conversations.ts";
import type { Ownership } from "../commands/ownership.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

export interface SearchRouteDeps {
  readonly conversations: Pick<Conversations, "find">;
  readonly ownership: Ownership;
  readonly may: May;
}

const limit = { error: "must be a whole number from 1 to 50" };

const SearchAnswer = z.object({
  hits: z
    .array(
      z.object({
        conversation_id: ConversationId,
        title: z.string().describe("Of the conversation; the beginning of its first message where it has none."),
        updated_at: z.number().describe("Of the conversation, as in the list; ms since 1970."),
        score: z.number().describe("From 0 to 1: how well it matches."),
        turn_id: TurnId.optional().describe(
          "Where it was said, on whichever branch: `?branch=` of the conversation's messages has the one that goes through it. Absent: the words are in the title alone.",
        ),
        role: z.enum(["user", "assistant", "operator"]).optional().describe("Whose words the excerpt has."),
        excerpt: z
          .object({
            text: z.string().describe("One line."),
            from: z.number().describe("Where in it the first hit begins, in UTF-16 code units."),
            to: z.number().describe("And where it ends."),
          })
          .optional(),
      }),
    )
    .describe("The best first; at most three of a conversation."),
  complete: z
    .boolean()
    .describe(
      "False: there is more than was looked through, which are the newest 200 conversations, 200 messages of each, 8 MB and 5 s.",
    ),
});

/** Search over what the caller has said and was answered (docs/memory.md). */
export function createSearchRoutes({ conversations, ownership, may }: SearchRouteDeps): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/v1/search",
      summary: "Where in the caller's conversations words were said: in titles, messages and answers.",
      access: "user",
      params: nothing,
      query: z.object({
        q: z
          .string()
          .describe(
            "Words, or their beginnings, in any order, whatever their case and accents: at most 8, and 200 characters. All have to be there.",
          ),
        limit: z.coerce.number(limit).int(limit).min(1, limit).max(50, limit).default(20),
      }),
      body: nothing,
      responses: { 200: { description: "What was found.", content: SearchAnswer } },
      async handle({ caller }, { query: { q, limit: most } }) {
        const { user } = caller;
        demand(may(caller, "conversation:list", { kind: "user", id: user.id }));
        const isOwn = (id: ConversationId): Promise<boolean> => ownership.isOwn(id, caller);
        const { hits, isWhole } = await conversations.find({ userId: user.id, words: q, limit: most, isOwn });
        return jsonReply(200, SearchAnswer.parse({ hits, complete: isWhole }));
      },
    }),
  ];
}
