import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "./repository.ts";
import { wantsRoles } from "./test-environment.ts";

/**
 * Whose rights a connection has. With PARLEY_TEST_ROLES=1, brokers of tests have the users of `deploy/nats` and `deploy/redis`: `startService` signs
 * each process in as its role, and a test the parts of Parley that run in its own process (`signedIn`). What names no user may do everything: the
 * test itself, which looks on and stands in for parts that are not there.
 */
export type BrokerRole = "edge" | "agent" | "tool";

const PASSWORD_BYTES = 12;
/** nats-server reads digits as a number. */
const createPassword = (): string => `p${randomBytes(PASSWORD_BYTES).toString("hex")}`;
/** The same at all brokers of this process, so that an address is enough to sign in. */
const passwords: Readonly<Record<BrokerRole, string>> = {
  edge: createPassword(),
  agent: createPassword(),
  tool: createPassword(),
};
/** Of users whom no test signs in. They stay when a server reads its configuration again: it would cut off whose password has changed. */
const others = { auditor: createPassword(), operator: createPassword(), scaler: createPassword() };

function deployed(file: string): string {
  return readFileSync(path.join(repositoryRoot, "deploy", file), "utf8");
}

function withUser(address: string, role: BrokerRole): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) return address;
  if (url.username === "") Object.assign(url, { username: role, password: passwords[role] });
  // Of an address without a path, as it was given.
  return url.pathname === "/" && !address.endsWith("/") ? url.href.replace(/\/$/, "") : url.href;
}

/** The addresses of a NATS or Redis, comma-separated, with the user of that role. As they are without roles, and where one names a user. */
export function signedIn(addresses: string, role: BrokerRole): string {
  if (!wantsRoles()) return addresses;
  return addresses
    .split(",")
    .map((address) => withUser(address.trim(), role))
    .join(",");
}

/** For the configuration of nats-server; nothing without roles. */
export function natsUsers(): string {
  if (!wantsRoles()) return "";
  const variables = Object.entries({ ...passwords, auditor: others.auditor, operator: others.operator }).map(
    ([role, password]) => `NATS_${role.toUpperCase()}_PASSWORD: ${password}`,
  );
  return [...variables, deployed("nats/roles.conf"), "no_auth_user: operator", ""].join("\n");
}

const hashOf = (password: string): string => createHash("sha256").update(password).digest("hex");

/** For the configuration of redis-server; nothing without roles. */
export function redisUsers(): string {
  if (!wantsRoles()) return "";
  let users = deployed("redis/users.acl").replace("#REDIS_OPERATOR_PASSWORD", "nopass");
  for (const [role, password] of Object.entries({ ...passwords, scaler: others.scaler })) {
    users = users.replace(`#REDIS_${role.toUpperCase()}_PASSWORD`, `#${hashOf(password)}`);
  }
  return users;
}

/** What nats-server wrote of what a user was refused. */
export function natsRefusals(output: string): string[] {
  return output.split("\n").filter((line) => /Violation - .*User/.test(line));
}

/** What Redis answers to ACL LOG, as sentences. Wrong passwords are not meant. */
export function redisRefusals(answer: string): string[] {
  const bulk = String.raw`\r\n\$\d+\r\n`;
  const entry = new RegExp(
    `reason${bulk}(command|key|channel)\r\n[^]*?object${bulk}([^\r]*)${bulk}username${bulk}([^\r]*)`,
    "g",
  );
  return [...answer.matchAll(entry)].map(([, reason, object, user]) => `${user} is refused the ${reason} ${object}`);
}
