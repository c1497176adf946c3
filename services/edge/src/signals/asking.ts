import type { Bus } from "@parley/bus";
import { limits, type ConversationId, type EdgeSignal, type People, type PresenceFrame } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import { agentStates } from "./agents.ts";
import { presenceAmong } from "./room.ts";
import type { Signals } from "./signals.ts";

export interface PresenceDeps {
  readonly signals: Pick<Bus["signals"], "say" | "listen">;
  readonly own: Pick<Signals, "presenceIn" | "offered" | "edge">;
}

/** An edge that has just said something says it again when its second is over. */
export const presenceMs = limits.signalEveryMs + 250;

/** Who looks at a room, for who does not look on themselves: where nobody does at this edge, the others are asked, once for all who ask at the same time. */
export function createPresence({ signals, own }: PresenceDeps) {
  const asked = new Map<ConversationId, Promise<PresenceFrame>>();

  const ask = async (conversation: ConversationId, people: People): Promise<PresenceFrame> => {
    const others = new Map<string, EdgeSignal>();
    const stop = signals.listen(conversation, (signal) => void others.set(signal.edge, signal));
    signals.say(conversation, { edge: own.edge, present: [], typing: [], asks: true });
    await sleep(presenceMs);
    stop();
    const agents = agentStates({ people, agents: new Map() }, own.offered());
    return { type: "presence", conversation_id: conversation, ...presenceAmong([...others.values()]), agents };
  };

  return (conversation: ConversationId, people: People): Promise<PresenceFrame> => {
    const here = own.presenceIn(conversation);
    if (here !== undefined) return Promise.resolve(here);
    let asking = asked.get(conversation);
    if (asking === undefined) {
      asking = ask(conversation, people).finally(() => asked.delete(conversation));
      asked.set(conversation, asking);
    }
    return asking;
  };
}
