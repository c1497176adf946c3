import { decodeVisible, type VisibleEvent } from "@parley/dialects";
import { isTerminal, type People, type PresentAgent } from "@parley/protocol";
import { turnsUnderWay, type Ring } from "../hub/ring.ts";

interface AgentsOfRoom {
  /** Of turns that run, where events have told which. */
  readonly agents: Map<string, string>;
  readonly people: Pick<People, "agents">;
  /** Absent: it is not known which turns run. */
  readonly hub?: { readonly ring: Ring };
}

/** Which agent answers, as events tell it. Returns whether what agents do may be other than before. */
export function noteAgents({ agents }: Pick<AgentsOfRoom, "agents">, event: VisibleEvent): boolean {
  if (isTerminal(event.type)) {
    agents.delete(event.turn);
    return true;
  }
  if (event.type !== "progress") return event.turn !== "";
  const decoded = decodeVisible(event);
  if (decoded.type === "progress" && decoded.agent !== undefined) agents.set(event.turn, decoded.agent);
  return true;
}

/**
 * The agents of a room: those to which it has given names, the one that there is if there is only one, and whoever answers. Others that a deployment has are not for
 * everybody to know of.
 */
export function agentStates(room: AgentsOfRoom, offered: ReadonlySet<string> | undefined): PresentAgent[] {
  const names = namesIn(room, offered);
  const underWay = room.hub === undefined ? [] : turnsUnderWay(room.hub.ring);
  const answering = new Set(underWay.map((turn) => room.agents.get(turn)));
  // Which one it is was not told yet, or was told before anybody looked on.
  const isOnlyOne = names.size === 1 && answering.has(undefined);
  return [...names].flatMap(([agent, name]): PresentAgent[] => {
    if (isOnlyOne || answering.has(agent)) return [{ name, state: "answering" }];
    return offered === undefined ? [] : [{ name, state: offered.has(agent) ? "ready" : "away" }];
  });
}

/** Names by agents. */
function namesIn({ agents, people }: AgentsOfRoom, offered: ReadonlySet<string> = new Set()): Map<string, string> {
  const names = new Map(people.agents.map(({ handle, agent }) => [agent, handle]));
  const others = offered.size === 1 && names.size === 0 ? [...offered] : [];
  for (const agent of [...others, ...agents.values()]) if (!names.has(agent)) names.set(agent, agent);
  return names;
}
