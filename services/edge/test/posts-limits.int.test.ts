import { afterAll, beforeAll, expect, it } from "vitest";
import { ask } from "./support/http-client.ts";
import { createLimitedWorld, type LimitedWorld } from "./support/limited-world.ts";
import { createRoom, enter } from "./support/room-fixture.ts";

let world: LimitedWorld;

beforeAll(async () => {
  world = await createLimitedWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

it("posts are no open turns of anybody, and messages in the limits of rates", async () => {
  const edge = await world.limited({ open_turns_per_user: 1, turns_per_user: { rate: 0.01, burst: 4 } });
  const id = await createRoom(world, { agents: [{ handle: "bot", agent: "general" }] });
  const ann = await enter(edge, "ann");
  const say = (name: string, message: string): void =>
    ann.send({ type: "message", id: name, message, conversation_id: id });
  for (const name of ["m1", "m2", "m3"]) {
    say(name, `to you all, also by mail to ann@bot.example: ${name}`);
    expect(await ann.next("accepted")).toMatchObject({ posted: true });
  }
  say("m4", "@bot, what is it?");
  expect((await ann.next("accepted")).posted).toBeUndefined();
  say("m5", "one too many");
  expect(await ann.next("error")).toMatchObject({ code: "RATE_LIMITED" });
  const { body } = await ask(edge, "GET", `/api/v1/conversations/${id}/messages`);
  expect(body.messages).toHaveLength(3);
  ann.close();
});
