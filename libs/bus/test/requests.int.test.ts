import { createLogger } from "@parley/runtime";
import { startNats } from "@parley/testkit";
import { expect, it } from "vitest";
import { connectNats } from "../src/nats-connection.ts";
import { createOutbox } from "../src/outbox.ts";
import { createRequests } from "../src/requests.ts";

async function openRequests() {
  const nats = await startNats();
  const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
  const link = await connectNats({ servers: nats.url, name: "test", log });
  const requests = createRequests(link, createOutbox(), log);
  return {
    nats,
    link,
    requests,
    async [Symbol.asyncDispose]() {
      requests.close();
      await link.nc.close();
      await nats[Symbol.asyncDispose]();
    },
  };
}

it("brings each question its own answer, in whatever order they come", async () => {
  await using bench = await openRequests();
  const held: (() => void)[] = [];
  bench.link.nc.subscribe("ask", {
    callback: (_error, message) => void held.push(() => void message.respond(`re: ${message.string()}`)),
  });
  const answers = ["one", "two", "three"].map((text) => bench.requests.ask("ask", text, 5_000));
  await expect.poll(() => held.length).toBe(3);
  for (const answer of held.toReversed()) answer();
  expect((await Promise.all(answers)).map((message) => message.string())).toEqual(["re: one", "re: two", "re: three"]);
});

it("fails at once when nobody listens, and in time when nobody answers", async () => {
  await using bench = await openRequests();
  await expect(bench.requests.ask("nobody.here", "", 60_000)).rejects.toThrow("nobody answers nobody.here");
  bench.link.nc.subscribe("silent", { callback() {} });
  await expect(bench.requests.ask("silent", "", 50)).rejects.toThrow("silent was not answered in time");
});

it("fails what the broker took with it when the connection comes back, and what is asked after it is closed", async () => {
  await using bench = await openRequests();
  bench.link.nc.subscribe("silent", { callback() {} });
  const asked = bench.requests.ask("silent", "", 60_000);
  asked.catch(() => {});
  await bench.link.nc.flush();
  await bench.nats.kill("SIGKILL");
  await bench.nats.restart();
  await expect(asked).rejects.toThrow("the connection to the broker broke");
  await bench.link.nc.close();
  await expect(bench.requests.ask("silent", "", 60_000)).rejects.toThrow();
});
