import type { ConnectionOptions } from "@nats-io/transport-node";

/** What the client library wants apart: it does not read user and password out of an address. */
export type NatsAddress = Pick<ConnectionOptions, "servers" | "user" | "pass" | "token" | "tls">;

function urlOf(server: string): URL {
  const url = /^[a-z]+:\/\//.test(server) ? server : `nats://${server}`;
  if (!URL.canParse(url)) throw new Error("NATS_URL is not a list of addresses like nats://user:password@host:4222.");
  return new URL(url);
}

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
  const urls = list.split(",").map((server) => urlOf(server.trim()));
  const named = urls.find(({ username }) => username !== "");
  return {
    servers: urls.map(({ host }) => host),
    ...(named === undefined ? {} : credentialsOf(named)),
    ...(urls.some(({ protocol }) => protocol === "tls:") ? { tls: {} } : {}),
  };
}
