import type { InputRequiredResult } from "@modelcontextprotocol/client";
import { foreignLine } from "./result-text.ts";

/** What a server wants to know, in its words. */
export function messageAsked({ inputRequests = {} }: InputRequiredResult): string {
  const messages = Object.values(inputRequests).flatMap((request) =>
    request.method === "elicitation/create" ? [foreignLine(request.params.message)] : [request.method],
  );
  return messages.join("; ") || "it does not say what.";
}
