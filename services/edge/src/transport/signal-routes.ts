import { ConversationId, MessageId, PresenceFrame } from "@parley/protocol";
import { z } from "zod";
import type { Commands } from "../commands/commands.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, given, nothing, type Route } from "./route.ts";

/** Who is there and who has read on, for who has no socket: docs/rooms.md. */

export interface SignalRouteDeps {
  readonly commands: Pick<Commands, "read" | "presence">;
}

const OneConversation = z.object({ id: ConversationId });

export function createSignalRoutes({ commands }: SignalRouteDeps): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/v1/conversations/:id/presence",
      summary: "Who looks at a conversation of several people at the moment, on whichever edge.",
      access: "user",
      params: OneConversation,
      query: nothing,
      body: nothing,
      responses: { 200: { description: "Who is there.", content: PresenceFrame.omit({ type: true }) } },
      async handle({ caller }, { params: { id } }) {
        const { type: _type, ...presence } = await commands.presence(caller, id);
        return jsonReply(200, presence);
      },
    }),
    defineRoute({
      method: "post",
      path: "/api/v1/conversations/:id/read",
      summary: "Say how far one has read in a conversation of several people; it goes forward only.",
      access: "user",
      params: OneConversation,
      query: nothing,
      body: z.object({
        message_id: MessageId.nullish().describe("The last message that one has read. Absent: the last one there is."),
      }),
      responses: { 204: { description: "It is kept within seconds, and told to the others." } },
      async handle({ caller }, { params: { id }, body }) {
        await commands.read(caller, { conversation_id: id, ...given("message_id", body.message_id) });
        return { status: 204, body: "" };
      },
    }),
  ];
}
