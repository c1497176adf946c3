import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { freePort, startNats, tempDir, type Broker } from "@parley/testkit";

const configFolder = path.resolve(import.meta.dirname, "../../deploy/nats");

export const roles = ["edge", "agent", "tool", "auditor", "operator"] as const;
export type Role = (typeof roles)[number];

export const passwordOf = (role: Role): string => `password-of-${role}`;

/** Stands in for the environment of nats-server, which looks for variables in the same file first. */
function variables(): string {
  const passwords = roles.map((role) => `NATS_${role.toUpperCase()}_PASSWORD: ${passwordOf(role)}`);
  return ["NATS_SERVER_NAME: nats-of-a-test", ...passwords].join("\n");
}

/** The file with what it includes in its place. */
async function wholeConfig(name: string): Promise<string> {
  const text = await readFile(path.join(configFolder, name), "utf8");
  const include = /^include "(.+)"$/m.exec(text);
  return include?.[1] === undefined ? text : text.replace(include[0], await wholeConfig(include[1]));
}

/** A nats-server with a configuration of `deploy/nats`, changed by `edit`, but on free ports and with data of its own. */
export async function startNatsWithRoles(
  config = "nats.conf",
  edit: (text: string) => string = (text) => text,
): Promise<Broker> {
  const folder = await tempDir();
  const file = path.join(folder.path, "nats-of-a-test.conf");
  await writeFile(
    file,
    `${variables()}
${edit(await wholeConfig(config))}`,
  );
  const nats = await startNats({ args: ["-c", file, "-m", String(await freePort())] });
  const stop = nats[Symbol.asyncDispose];
  return Object.assign(nats, {
    async [Symbol.asyncDispose]() {
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  });
}
