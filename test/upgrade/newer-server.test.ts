import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { frames, startReady } from "../../libs/client/test/fixtures.ts";

/** A frame of a type that only the next minor version knows, in this conversation. */
function nextFrame(name: string, where: object): object {
  const file = new URL(`../../libs/protocol/fixtures/v1-next/${name}.json`, import.meta.url);
  return { ...Object(JSON.parse(readFileSync(file, "utf8"))), ...where };
}

it("a client passes over frames of a newer server that it does not know", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const violations: unknown[] = [];
  conversation.on("violation", (violation) => violations.push(violation));
  const subscribed = conversation.subscribe();
  await setting.connection.frame("subscribe");
  setting.connection.send(
    frames.subscribed(10),
    frames.token(11, 1, "Hel"),
    nextFrame("server-suggestions", { conversation_id: "c1", turn_id: "t1", seq: 12, n: 2 }),
    nextFrame("server-poll", { conversation_id: "c1" }),
    frames.token(13, 3, "lo"),
    frames.complete(14, 5, "Hello"),
  );
  await subscribed;
  expect(await conversation.untilEnd("t1")).toMatchObject({ type: "complete", response: "Hello" });
  expect(conversation.view).toMatchObject({ seq: 14 });
  expect(violations).toEqual([]);
});
