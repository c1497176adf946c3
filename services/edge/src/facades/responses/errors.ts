import { openAiErrorHeaders, openAiErrorOf } from "@parley/dialects";
import type { ChatError } from "@parley/protocol";
import { jsonReply, type Reply } from "../../transport/reply.ts";

/** What goes wrong, as OpenAI's clients read it. */
export function refuse(error: ChatError): Reply {
  return jsonReply(error.status, openAiErrorOf(error), openAiErrorHeaders(error));
}
