import { jetstreamManager } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/transport-node";
import { streams, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats } from "@parley/testkit";
import { expect, it } from "vitest";
import { connectNats } from "../src/nats-connection.ts";
import { createOutbox } from "../src/outbox.ts";
import { createPatientLookups } from "../src/patient-lookups.ts";
import { createRequests } from "../src/requests.ts";

const apiPrefix = "CLUSTER.API";
const [stream, query] = [streams.events(0), { seq: 7 }];

const found = {
  message: { subject: subjects.agent(0, "c1", "t1"), seq: 7, data: btoa("{}"), time: "2026-01-01T00:00:00Z" },
};
const noLeader = { error: { code: 503, err_code: 10_008, description: "JetStream system temporarily unavailable" } };
const notFound = { error: { code: 404, err_code: 10_037, description: "no message found" } };

/** Look-ups in a cluster whose servers answer one question after the other so, and those that follow as the last one; undefined: nobody does. */
async function openLookups(answers: readonly (object | undefined)[], replicas = 3) {
  const nats = await startNats();
  const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
  const link = await connectNats({ servers: nats.url, name: "test", log });
  const requests = createRequests(link, createOutbox(), log);
  const jsm = await jetstreamManager(link.nc, { checkAPI: false, apiPrefix, timeout: 2_000 });
  const asked: Msg[] = [];
  const callback = (_error: Error | null, message: Msg): void => {
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push(message);
    if (answer !== undefined) message.respond(JSON.stringify(answer));
  };
  link.nc.subscribe(`${apiPrefix}.STREAM.MSG.GET.${stream}`, { callback });
  link.nc.subscribe(`${apiPrefix}.STREAM.INFO.${stream}`, { callback });
  return {
    asked,
    lookups: createPatientLookups(jsm, requests, { replicas }),
    async [Symbol.asyncDispose]() {
      requests.close();
      await link.nc.close();
      await nats[Symbol.asyncDispose]();
    },
  };
}

it("asks again long before its time is over when the server that is asked has just ceased to lead, and is silent", async () => {
  await using bench = await openLookups([undefined, found]);
  const startedMs = performance.now();
  await expect(bench.lookups.lookUp(stream, query)).resolves.toMatchObject({ seq: 7 });
  expect(performance.now() - startedMs).toBeLessThan(1_500);
  expect(bench.asked).toHaveLength(2);
});

it("takes it for no answer that a stream has no leader at the moment", async () => {
  await using bench = await openLookups([noLeader, noLeader, noLeader, found]);
  await expect(bench.lookups.lookUp(stream, query)).resolves.toMatchObject({ seq: 7 });
});

it("takes any other refusal for the answer, and asks nothing more", async () => {
  await using bench = await openLookups([notFound]);
  await expect(bench.lookups.lookUp(stream, query)).resolves.toBeNull();
  expect(bench.asked).toHaveLength(1);
});

it("asks a cluster that says nothing three times in the time of one question, and one server once", async () => {
  await using cluster = await openLookups([undefined, undefined, undefined, notFound]);
  await using single = await openLookups([undefined, notFound], 1);
  const looks = [cluster, single].map(({ lookups }) => lookups.streams.getMessage(stream, query));
  await expect.poll(() => cluster.asked.length, { timeout: 1_900 }).toBe(3);
  expect(single.asked).toHaveLength(1);
  expect(await Promise.all(looks)).toEqual([null, null]);
});

it("asks on how a stream stands while only a copy of it answers, without a leader", async () => {
  const standing = (last_seq: number, leader?: string): object => ({
    config: {},
    state: { last_seq },
    cluster: { leader },
  });
  await using bench = await openLookups([standing(5), standing(5, ""), standing(9, "n1")]);
  expect((await bench.lookups.streams.info(stream)).state.last_seq).toBe(9);
});

it("takes the word of a single server, which has no leader", async () => {
  await using bench = await openLookups([{ config: {}, state: { last_seq: 5 } }], 1);
  expect((await bench.lookups.streams.info(stream)).state.last_seq).toBe(5);
});
