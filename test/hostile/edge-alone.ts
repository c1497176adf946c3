import { randomBytes } from "node:crypto";
import { startNats, startService, type Service } from "@parley/testkit";

export interface EdgeAlone extends AsyncDisposable {
  readonly edge: Service;
}

/** An edge as a process, with a broker and nobody who answers. */
export async function startEdgeAlone(env: Record<string, string> = {}): Promise<EdgeAlone> {
  const nats = await startNats();
  const secret = randomBytes(32).toString("hex");
  const edge = await startService("edge", { NATS_URL: nats.url, AUTH_DEV: "1", AUTH_JWT_SECRET: secret, ...env });
  return {
    edge,
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await nats[Symbol.asyncDispose]();
    },
  };
}
