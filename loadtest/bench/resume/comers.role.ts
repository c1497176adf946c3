import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { median, quantile } from "../measure/statistics.ts";
import { openRawSocket, type RawSocket } from "../sockets/raw-socket.ts";

const Options = z.object({ port: z.number(), viewers: z.number() });
/** As the viewers that resume. */
const spreadMs = 1_000;

await serveRole(Options, ({ port, viewers }) => {
  const sockets: RawSocket[] = [];
  return {
    async come() {
      const startedAt = performance.now();
      const times: number[] = [];
      const come = async (index: number): Promise<void> => {
        await delay(Math.random() * spreadMs);
        sockets.push(await openRawSocket({ port, path: `/?turn=${index}`, onFrame: () => {} }));
        times.push(performance.now() - startedAt);
      };
      await Promise.all(Array.from({ length: viewers }, (_, index) => come(index)));
      return { p50: median(times), p99: quantile(times, 0.99), last: Math.max(...times) };
    },
  };
});
