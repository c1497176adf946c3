import { askPersonTool, type ToolDefinition } from "@parley/protocol";
import type { Agent } from "../agents/agent.ts";
import type { Offer } from "../agents/tool-offer.ts";

/** By which an agent asks for a person. No tool worker has it: the agent worker runs it itself. */
const definition: ToolDefinition = {
  name: askPersonTool,
  aliases: [],
  description:
    "Asks a person of the staff to take this conversation over. Use it when the user wants to talk to a person, or when you cannot help and a person could. " +
    "From your next answer on that person answers in your place.",
  parameters: {
    type: "object",
    properties: {
      reason: { type: "string", description: "What it is about, in one sentence for whoever comes." },
    },
    required: ["reason"],
    additionalProperties: false,
  },
  effect: "write",
  timeout_ms: 15_000,
};

/** What there is for the model, with this where its agent has it and whoever asks may use it. */
export function withAskPerson(
  { asksPerson }: Pick<Agent, "asksPerson">,
  mayRun: (tool: string) => boolean,
  offer: Offer,
): Offer {
  if (asksPerson !== true) return offer;
  const tools = offer.tools.filter(({ name }) => name !== askPersonTool);
  return mayRun(askPersonTool)
    ? { ...offer, tools: [...tools, definition] }
    : { ...offer, tools, notAllowed: [...offer.notAllowed, definition] };
}
