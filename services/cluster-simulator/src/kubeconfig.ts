import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { StartError } from "@parley/runtime";
import type { User } from "./access/users.ts";

const CLUSTER = "parley-simulated";

/** A kubeconfig for the users, with a context each; the first user's is the current one. JSON is YAML, too. */
export function kubeconfigText(server: string, caCert: string, users: readonly User[]): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: CLUSTER,
        cluster: { server, "certificate-authority-data": Buffer.from(caCert, "utf8").toString("base64") },
      },
    ],
    users: users.map(({ role, token }) => ({ name: role, user: { token } })),
    contexts: users.map(({ role }) => ({
      name: role,
      context: { cluster: CLUSTER, user: role, namespace: "default" },
    })),
    "current-context": users[0]?.role ?? "",
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Writes the file for its owner's eyes only, whole or not at all: others wait for it to appear and read it at once. */
export async function writeKubeconfig(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await rm(unfinished, { force: true });
    await writeFile(unfinished, text, { mode: 0o600, flag: "wx" });
    await rename(unfinished, path);
  } catch (cause) {
    throw new StartError(`Cannot write the kubeconfig to ${path}. Set KUBECONFIG_OUT to a file that can be written.`, {
      cause,
    });
  }
}
