import { freePort, startNats } from "@parley/testkit";
import { z } from "zod";
import { withBelongings } from "../measure/belongings.ts";
import { startRole } from "../measure/role.ts";

const Times = z.object({ p50: z.number(), p99: z.number(), last: z.number() });

/** As many sockets, as much spread in time, but nothing to catch up with: what connecting alone takes. */
export function measureReconnect(viewers: number): Promise<z.infer<typeof Times>> {
  return withBelongings(async (own) => {
    const nats = await own(startNats());
    const port = await freePort();
    await own(startRole(new URL("../bare-relay/edge.role.ts", import.meta.url), { nats: nats.url, port }));
    const comers = await own(startRole(new URL("comers.role.ts", import.meta.url), { port, viewers }));
    return comers.ask("come", Times);
  });
}
