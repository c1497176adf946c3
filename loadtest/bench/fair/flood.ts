import { randomBytes } from "node:crypto";
import type { Bus } from "@parley/bus";
import { messageIdOf, type TurnRequest } from "@parley/protocol";

const submitsAtOnce = 100;

function requestOf(message: string): TurnRequest {
  const turn_id = randomBytes(16).toString("hex");
  const place = { turn_id, conversation_id: `c_${turn_id}`, id: turn_id, message_id: messageIdOf(turn_id, "user") };
  return { v: 1, ...place, user: { id: "flood" }, message, accepted_at: Date.now() };
}

/** One user's turns, each in a conversation of its own, as edges queue them: the limits of an edge are not what is measured. */
export async function flood({ turns }: Pick<Bus, "turns">, count: number, message: string): Promise<void> {
  for (let made = 0; made < count; made += submitsAtOnce) {
    const requests = Array.from({ length: Math.min(submitsAtOnce, count - made) }, () => requestOf(message));
    await Promise.all(requests.map((request) => turns.submit(request)));
  }
}

/** How many turns have not ended. */
export async function openTurns({ turns }: Pick<Bus, "turns">): Promise<number> {
  const { waiting, delivered } = await turns.backlog();
  return waiting + delivered;
}
