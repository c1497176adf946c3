import { openBus } from "@parley/bus";
import { subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { median, quantile } from "../measure/statistics.ts";

const Options = z.object({ nats: z.string(), replicas: z.number().int(), chains: z.number().int(), ms: z.number() });

/** About what an event of one token has. */
const data = new TextEncoder().encode(JSON.stringify({ type: "token", filler: "x".repeat(150), token: " word" }));
const conversation = "cluster";

/** Chains that each append as fast as the broker confirms: one on its way per chain, each naming the one before. */
await serveRole(Options, async ({ nats, replicas, chains, ms }) => {
  const log = createLogger({ service: "bench", level: "error", format: "json" });
  const { events } = await openBus({ servers: nats, name: "bench", replicas, log });
  return {
    async append() {
      const times: number[] = [];
      let refused = 0;
      const endsAt = performance.now() + ms;
      const write = async (chain: number): Promise<void> => {
        const subject = subjects.agent(0, conversation, `turn-${chain}`);
        let expect = 0;
        while (performance.now() < endsAt) {
          const startedAt = performance.now();
          const result = await events.append({ subject, data, expect });
          if (result.kind !== "stored") {
            refused++;
            continue;
          }
          expect = result.seq;
          times.push(performance.now() - startedAt);
        }
      };
      await Promise.all(Array.from({ length: chains }, (_, chain) => write(chain)));
      return { appends: times.length, refused, p50: median(times), p99: quantile(times, 0.99) };
    },
  };
});
