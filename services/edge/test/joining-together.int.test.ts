import { shownTurn } from "@parley/testkit";
import { expect, it } from "vitest";
import { createWorld } from "./support/edge-fixture.ts";

it("devices that join a running turn at the same moment all get its text once", async () => {
  await using world = await createWorld();
  const asker = await world.connect(await world.addEdge());
  asker.send({ type: "message", id: "m1", message: "hello" });
  const { conversation_id, turn_id } = await asker.next("accepted");
  const turn = world.worker.take(conversation_id, turn_id);
  await turn.tokens(Array.from({ length: 30 }, (_, i) => `w${i} `));

  const other = await world.addEdge();
  const joiners = await Promise.all([0, 1, 2, 3].map(() => world.connect(other)));
  for (const joiner of joiners) joiner.send({ type: "subscribe", conversation_id });
  await Promise.all(joiners.map((joiner) => joiner.next("subscribed")));
  await turn.token("end");
  const whole = `${Array.from({ length: 30 }, (_, i) => `w${i} `).join("")}end`;
  await turn.complete(whole);
  await Promise.all(joiners.map((joiner) => joiner.next("complete")));
  for (const joiner of joiners) expect(shownTurn(joiner.view(conversation_id), turn_id)?.text).toBe(whole);
});
