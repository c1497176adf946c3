import { connect, createServer, type Socket } from "node:net";
import { freePort } from "@parley/testkit";

/** A loopback port that leads to a broker and can keep the broker's words back from one moment on, while what is said to it still passes. */
export interface HoldingProxy {
  readonly url: string;
  /** Resolves when a client has said this, whose answer, and all that follows, is then kept back. */
  holdAfter(said: string): Promise<void>;
  release(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startHoldingProxy(brokerPort: number): Promise<HoldingProxy> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const kept: (() => void)[] = [];
  let isHolding = false;
  let trigger: { said: string; onHeld: () => void } | undefined;

  const server = createServer({ noDelay: true }, (client) => {
    const broker = connect({ host: "127.0.0.1", port: brokerPort, noDelay: true });
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.once("close", () => to.destroy());
    }
    client.on("data", (chunk) => {
      if (trigger !== undefined && chunk.includes(trigger.said)) {
        isHolding = true;
        trigger.onHeld();
        trigger = undefined;
      }
      broker.write(chunk);
    });
    broker.on("data", (chunk) => {
      if (isHolding) kept.push(() => client.write(chunk));
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));

  return {
    url: `nats://127.0.0.1:${port}`,
    holdAfter: (said) => new Promise((onHeld) => (trigger = { said, onHeld })),
    release() {
      isHolding = false;
      for (const pass of kept.splice(0)) pass();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
