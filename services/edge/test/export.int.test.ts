import { createHash, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { request } from "./support/http-client.ts";
import { plant } from "./support/planted-person.ts";
import { record } from "./support/rooms.ts";

let world: World;
let edge: EdgeUnderTest;
beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

it("a user gets all that is theirs, line by line, and its end says that it is whole", async () => {
  const [user, word] = ["dora", "marimba9134"];
  const { own, theirs } = await plant(world, [edge, edge], user, word);
  const response = await request(edge, "GET", "/api/v1/me/export", { user });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
  const text = await response.text();
  const lines = text.trimEnd().split("\n");
  const parsed = lines.map((line) => JSON.parse(line));
  const whole = createHash("sha256")
    .update(`${lines.slice(0, -1).join("\n")}\n`)
    .digest("hex");
  expect(parsed.at(-1)).toEqual({ kind: "end", lines: lines.length - 1, sha256: whole });
  expect(parsed[0]).toMatchObject({ kind: "export", v: 1, user: { id: user } });
  const of = (kind: string) => parsed.filter((one) => one.kind === kind);
  expect(of("memory")[0].facts[0].text).toBe(`${word} remembered`);
  expect(of("conversation").map(({ conversation_id }) => conversation_id)).toEqual(
    expect.arrayContaining([own, theirs]),
  );
  const words = of("message")
    .filter(({ conversation_id }) => conversation_id === own)
    .map(({ message }) => message);
  expect(words).toContain(`${word} answered`);
  expect(of("message").map(({ message }) => message)).toContain(`${word} post`);
  const texts = of("bytes").map(({ base64 }) => Buffer.from(base64, "base64").toString());
  expect([of("file").length, texts.toSorted()]).toEqual([2, [`${word} in a file`, `${word} of my own`]]);
  const again = await request(edge, "GET", "/api/v1/me/export", { user });
  expect([again.status, Number(again.headers.get("retry-after"))]).toEqual([429, expect.any(Number)]);
});

it("one that breaks off has no end, and is no whole answer of HTTP either", async () => {
  const dying = await world.addEdge();
  const conversation = `c_${randomUUID()}`;
  await world.bus.owners.claim(conversation, "emil");
  for (let i = 0; i < 60; i++)
    await record(world.bus, conversation, `t${i}`, { asker: "emil", answer: "x".repeat(60_000) });
  const response = await fetch(`http://127.0.0.1:${dying.port}/api/v1/me/export`, {
    headers: { authorization: `Bearer ${await tokenOf("emil")}` },
  });
  const reader = response.body?.getReader();
  await reader?.read();
  await dying.bus.nc.close();
  let text = "";
  const reading = (async () => {
    for (;;) {
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done) return "whole";
      text += new TextDecoder().decode(chunk.value);
    }
  })();
  expect(await reading.catch(() => "broken")).toBe("broken");
  expect(text).not.toContain('"kind":"end"');
});
