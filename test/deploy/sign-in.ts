import { createServer, connect, type Socket } from "node:net";
import { freePort, type Broker } from "@parley/testkit";
import { z } from "zod";
import { passwordOf, type Role } from "./nats-with-roles.ts";

const Connect = z.record(z.string(), z.unknown());
const greeting = /^CONNECT (\{.*\})\r\n/;

export type SignIn = { readonly url: string; [Symbol.asyncDispose](): Promise<void> };

/** A loopback port that leads to the broker, and signs who comes in as this role if they do not sign in themselves. */
export async function signInAs(role: Role, broker: Broker): Promise<SignIn> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: "127.0.0.1", port: broker.port, noDelay: true });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.once("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    upstream.pipe(client);
    let first = "";
    const signIn = (bytes: Buffer): void => {
      first += bytes.toString("latin1");
      if (!greeting.test(first)) return;
      client.off("data", signIn);
      upstream.write(Buffer.from(signed(first, role), "latin1"));
      client.pipe(upstream);
    };
    client.on("data", signIn);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `nats://${role}:${passwordOf(role)}@127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function signed(text: string, role: Role): string {
  return text.replace(greeting, (_, json: string) => {
    const options = { user: role, pass: passwordOf(role), ...Connect.parse(JSON.parse(json)) };
    return `CONNECT ${JSON.stringify(options)}\r\n`;
  });
}
