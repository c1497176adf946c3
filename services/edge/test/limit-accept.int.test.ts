import { eventually } from "@parley/testkit";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EdgeUnderTest } from "./support/edge-fixture.ts";
import { attempt, createLimitedWorld, refusalsBy, type LimitedWorld } from "./support/limited-world.ts";

/** A connection that never says a word. */
async function openSilently({ url }: EdgeUnderTest, localAddress: string): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port), localAddress });
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

const isOpen = ({ destroyed, readableEnded }: Socket): boolean => !destroyed && !readableEnded;

describe("TCP connections", () => {
  let world: LimitedWorld;

  beforeAll(async () => {
    world = await createLimitedWorld();
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it("of one address that are silent take no more places than the address may open at a time, and others come in", async () => {
    const edge = await world.limited({ accepted_per_address: { rate: 0.1, burst: 5 } }, { maxConnections: 20 });
    const silent: Socket[] = [];
    for (let i = 0; i < 200; i++) {
      const socket = await openSilently(edge, "127.0.0.2");
      socket.resume();
      silent.push(socket);
    }
    await eventually(() => silent.filter(isOpen).length === 5, { what: "all but five are closed" });
    expect((await attempt(edge)).status).toBe(101);
    expect(await refusalsBy(edge, "accepted_per_address")).toBe(195);
    for (const socket of silent) socket.destroy();
  });

  it("are taken again when time has passed", async () => {
    const edge = await world.limited({ accepted_per_address: { rate: 10, burst: 1 } });
    const first = await openSilently(edge, "127.0.0.3");
    await eventually(
      async () => {
        const socket = await openSilently(edge, "127.0.0.3");
        const isTaken = await Promise.race([once(socket, "close").then(() => false), delayed(50)]);
        socket.destroy();
        return isTaken;
      },
      { what: "one more is taken", intervalMs: 120 },
    );
    first.destroy();
  });

  it("of a proxy that is trusted are not counted: it opens them for others", async () => {
    const rows = { accepted_per_address: { rate: 0.1, burst: 1 } };
    const edge = await world.limited(rows, { whence: { trusted: ["127.0.0.0/8"], exempt: [] } });
    for (let i = 0; i < 5; i++) {
      const { status } = await attempt(edge, { headers: { "x-forwarded-for": `203.0.113.${i}` } });
      expect(status).toBe(101);
    }
  });
});

const delayed = (ms: number): Promise<true> => new Promise((resolve) => setTimeout(() => resolve(true), ms));
