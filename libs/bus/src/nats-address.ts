import type { ConnectionOptions } from "@nats-io/transport-node";
import { natsServersOf } from "@parley/runtime";

/** What the client library wants apart: it does not read user and password out of an address. */
export type NatsAddress = Pick<ConnectionOptions, "servers" | "user" | "pass" | "token" | "tls">;

function credentialsOf({ username, password }: URL): NatsAddress {
  if (username === "") return {};
  const name = decodeURIComponent(username);
  // As the servers' own tools read it: a name alone is a token.
  return password === "" ? { token: name } : { user: name, pass: decodeURIComponent(password) };
}

/**
 * The servers of a comma-separated list, and how to sign in: `nats://user:password@host:4222`, `nats://token@host`, `tls://host`. All servers
 * of a cluster know the same users, so the first address that names one says it for all.
 */
export function parseNatsAddress(list: string): NatsAddress {
  const urls = natsServersOf(list);
  if (urls === undefined) throw new Error("NATS_URL is not a list of addresses like nats://user:password@host:4222.");
  const named = urls.find(({ username }) => username !== "");
  return {
    servers: urls.map(({ host }) => host),
    ...(named === undefined ? {} : credentialsOf(named)),
    ...(urls.some(({ protocol }) => protocol === "tls:") ? { tls: {} } : {}),
  };
}
