import { createHash } from "node:crypto";
import { clusterToolPrefix, ConversationId, TurnId, type AgentChoice } from "@parley/protocol";
import type { TurnPlace } from "../turn-watch.ts";

/** What clients of MCP call agents and turns. */

/** Waits for an answer that was begun: of a call that was cut, or that waits for a person. No agent's tool has this name. */
export const answerTool = "parley_answer";

/** The specification takes letters, digits and `_ - .`, and asks for 64 characters at most: many clients put the server's name before it. */
const longestName = 48;

/** Names of tools and the agents behind them. A name that is no tool's gets a digest of what it was, so that no two are the same. */
export function agentTools(agents: readonly AgentChoice[]): ReadonlyMap<string, AgentChoice> {
  const tools = new Map<string, AgentChoice>();
  for (const agent of agents) {
    const plain = agent.name.replaceAll(/[^\w-]+/g, "_").slice(0, longestName);
    // Tools of the cluster stand beside agents, and have these names for themselves.
    const own = plain.startsWith(clusterToolPrefix) ? `agent_${plain}` : plain;
    const isPlain = own === agent.name && own !== answerTool && own !== "";
    tools.set(isPlain ? own : `${own}_${digestOf(agent.name)}`, agent);
  }
  return tools;
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

/** A task is a turn: any edge finds it by its id, and what is not the caller's stays so. */
export function taskIdOf({ conversation_id, turn_id }: TurnPlace): string {
  return `${conversation_id}.${turn_id}`;
}

/** Undefined: it is no task of ours. */
export function placeOfMcpTask(taskId: string): TurnPlace | undefined {
  const [conversation, turn, ...more] = taskId.split(".");
  const conversation_id = ConversationId.safeParse(conversation);
  const turn_id = TurnId.safeParse(turn);
  if (more.length > 0 || !conversation_id.success || !turn_id.success) return undefined;
  return { conversation_id: conversation_id.data, turn_id: turn_id.data };
}
