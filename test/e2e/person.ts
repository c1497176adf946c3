import { createClient, type Client } from "@parley/client";
import { strict } from "@parley/client/strict";
import type { Service } from "@parley/testkit";
import { WebSocket } from "ws";
import { z } from "zod";

const DevToken = z.object({ token: z.string() });

/** A person at an edge: a token as the development endpoint gives it, and a client that is ready. */
export async function person(edge: Service, name = "anna"): Promise<Client> {
  const client = createClient({
    ...strict,
    url: `ws://127.0.0.1:${edge.port}/ws/chat`,
    token: await devToken(edge, name),
    WebSocket,
    backoff: { minMs: 50, maxMs: 500 },
  });
  // A view puts right what it can at the end of a turn: what had to be put right fails the test all the same.
  client.on("violation", (violation) =>
    queueMicrotask(() => {
      throw new Error(`the server broke a promise: ${JSON.stringify(violation)}`);
    }),
  );
  await client.connect();
  return client;
}

export async function devToken(edge: Service, name: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${edge.port}/api/v1/auth/dev-token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub: name, name }),
  });
  return DevToken.parse(await response.json()).token;
}
