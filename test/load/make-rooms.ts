import { type Group, roomOf } from "../../loadtest/settings.ts";
import { questionFor } from "../../loadtest/schedule.ts";
import type { World } from "./world/world.ts";

export interface RoomGround {
  readonly world: World;
  readonly run: string;
  readonly groups: readonly Group[];
  /** Of all users, by their numbers. */
  readonly tokens: readonly string[];
}

/** By which people call the agent of their room. */
export const roomAgent = "bot";
const roomsAtOnce = 5;

/** One room for each group: its first user begins the conversation over HTTP, names the agent, and makes the others members. */
export async function makeRooms(ground: RoomGround): Promise<void> {
  const { groups } = ground;
  for (let first = 0; first < groups.length; first += roomsAtOnce) {
    const some = groups.slice(first, first + roomsAtOnce);
    await Promise.all(some.map((group, index) => makeRoom(ground, group, first + index)));
  }
}

async function makeRoom({ world, run, groups, tokens }: RoomGround, group: Group, index: number): Promise<void> {
  const owner = groups.slice(0, index).reduce((sum, { users }) => sum + users, 0);
  const conversation = roomOf(run, index);
  const port = world.edges[index % world.edges.length]?.port ?? 0;
  const ask = async (method: string, path: string, body: object): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${tokens[owner] ?? ""}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok)
      throw new Error(`A room could not be made: ${method} ${path} was answered by ${answer.status}: ${text}`);
  };
  const at = `/conversations/${conversation}`;
  await ask("POST", "/chat", { message: questionFor({ tokens: 1, rate: 0 }), conversation_id: conversation });
  await ask("PATCH", `${at}/room`, { agents: [{ handle: roomAgent, agent: "general" }], answers: "mention" });
  for (let user = owner + 1; user < owner + group.users; user++) {
    await ask("POST", `${at}/members`, { user_id: `user-${user}`, role: "writer", name: `Person ${user}` });
  }
}
