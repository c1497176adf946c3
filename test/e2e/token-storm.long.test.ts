import { expect, it } from "vitest";
import { tokenStorm } from "./token-storm.ts";

const sockets = 5_000;
const half = sockets / 2;

it("5,000 tokens that run out within a second take no token of text from anybody: who brings a new one stays, the others are closed after the grace, a few at a time", async () => {
  const figures = await tokenStorm({ sockets, conversations: 50 });
  process.stdout.write(`token storm: ${JSON.stringify({ ...figures, closed: [...figures.closed] })}\n`);
  expect(figures.faults).toEqual([]);
  expect(figures.tokensSent).toBeGreaterThan(30);
  expect([figures.renewed, figures.stayed]).toEqual([half, half]);
  expect([...figures.closed]).toEqual([[4004, half]]);
  // 100 every 50 ms.
  expect(figures.closesTookMs).toBeGreaterThan(1_000);
  expect(figures.closesTookMs).toBeLessThan(6_000);
  expect(figures.warningsTookMs).toBeGreaterThan(2_000);
  // On a busy machine an edge at rest lags as well: 84 ms where nothing else ran (89 at rest), 980 ms beside two other tests. All at once it is seconds.
  expect(figures.lagMs).toBeLessThan(Math.max(2_000, 3 * figures.quietLagMs));
}, 300_000);
