import { ConversationId, TurnId, type CancelFrame, type User } from "@parley/protocol";
import { z } from "zod";
import { CancelAnswer } from "./answers.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

export interface ConversationRouteDeps {
  readonly cancel: (user: User, frame: Omit<CancelFrame, "type">) => Promise<TurnId>;
}

const OneConversation = z.object({ id: ConversationId });

export function createConversationRoutes({ cancel }: ConversationRouteDeps): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/v1/conversations/:id/cancel",
      summary: "Ask a running answer to stop; its own end says that it has.",
      access: "user",
      params: OneConversation,
      query: nothing,
      body: z.object({ turn_id: TurnId.nullish().describe("Absent: the one that runs.") }),
      responses: { 202: { description: "It was asked to.", content: CancelAnswer } },
      async handle({ user }, { params, body }) {
        const wish = { conversation_id: params.id, ...(body.turn_id ? { turn_id: body.turn_id } : {}) };
        return jsonReply(202, { turn_id: await cancel(user, wish) });
      },
    }),
  ];
}
