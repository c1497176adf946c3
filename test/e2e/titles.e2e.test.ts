import { eventually, startSystem } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { devToken, person } from "./person.ts";

const List = z.object({ conversations: z.array(z.object({ conversation_id: z.string(), title: z.string() })) });

it("names a conversation after its first answer on all devices and in the list, and keeps what its owner says", async () => {
  await using system = await startSystem({ edges: 2, env: { "agent-worker": { TITLES: "first-answer" } } });
  const [edge, other] = system.edges;
  using phone = await person(edge!);
  using laptop = await person(other!);
  const chat = phone.conversation();
  const first = await chat.send("Which pods crash in the shop?\n/sim tokens=20 rate=50");
  const joined = laptop.conversation(chat.id);
  await joined.subscribe();
  await chat.untilEnd(first.turn_id);
  const devices = [chat, joined];
  const have = (title: string) =>
    eventually(() => devices.every(({ view }) => view.title === title), { what: `the title ${title}` });
  await have("Which pods crash in the shop?");

  const headers = { authorization: `Bearer ${await devToken(other!, "anna")}`, "content-type": "application/json" };
  const address = `http://127.0.0.1:${other!.port}/api/v1/conversations`;
  const listed = async (): Promise<string | undefined> =>
    List.parse(await (await fetch(address, { headers })).json()).conversations.find(
      ({ conversation_id }) => conversation_id === chat.id,
    )?.title;
  await eventually(async () => (await listed()) === "Which pods crash in the shop?", { what: "the list" });

  const body = JSON.stringify({ title: "Shop" });
  expect((await fetch(`${address}/${chat.id}/title`, { method: "PUT", headers, body })).status).toBe(200);
  await have("Shop");
  await chat.untilEnd((await chat.send("and why?")).turn_id);
  expect([await listed(), chat.view.title, joined.view.title]).toEqual(["Shop", "Shop", "Shop"]);
});
