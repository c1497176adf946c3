import { writeFile } from "node:fs/promises";
import path from "node:path";
import { startNats, type Broker } from "./brokers.ts";
import { freePort } from "./free-port.ts";
import { tempDir } from "./temp-dir.ts";

/** Servers of one cluster; a stream may have a copy on each. */
export interface NatsCluster {
  readonly servers: readonly Broker[];
  /** The addresses of all, as `NATS_URL` takes them. */
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

function configOf(index: number, ports: readonly number[]): string {
  const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(", ");
  return [
    `server_name: n${index}`,
    "jetstream { max_file_store: 16GB }",
    `cluster { name: test, listen: "127.0.0.1:${ports[index] ?? 0}", routes: [${routes}] }`,
  ].join("\n");
}

/** They answer when this resolves, but may still elect their leader: what sets up streams tries again until then, as `openBus` does. */
export async function startNatsCluster(size: number): Promise<NatsCluster> {
  const folder = await tempDir();
  const ports: number[] = [];
  for (let index = 0; index < size; index++) ports.push(await freePort());
  const starting = ports.map(async (_, index) => {
    // A cluster of one never elects itself.
    if (size === 1) return startNats();
    const file = path.join(folder.path, `n${index}.conf`);
    await writeFile(file, configOf(index, ports));
    return startNats({ args: ["-c", file] });
  });
  const outcomes = await Promise.allSettled(starting);
  const servers = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const release = async (): Promise<void> => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  if (servers.length === size) {
    return { servers, url: servers.map(({ url }) => url).join(","), [Symbol.asyncDispose]: release };
  }
  await release();
  throw new Error("not every server of the cluster has started", { cause: outcomes });
}
