import { writeFile } from "node:fs/promises";
import path from "node:path";
import { eventually, freePort, startNats, tempDir, type Broker } from "@parley/testkit";
import { connect } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";

const electionDeadlineMs = 30_000;

/** Servers of one cluster, each with a copy of every stream. */
export interface NatsCluster {
  readonly servers: readonly Broker[];
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

function configOf(index: number, ports: readonly number[]): string {
  const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(", ");
  return [
    `server_name: n${index}`,
    "jetstream { max_file_store: 16GB }",
    `cluster { name: bench, listen: "127.0.0.1:${ports[index] ?? 0}", routes: [${routes}] }`,
  ].join("\n");
}

/** JetStream answers only once the servers have elected a leader of their metadata. */
async function untilElected(url: string): Promise<void> {
  const nc = await connect({ servers: url });
  try {
    const ask = async (): Promise<boolean> => (await jetstreamManager(nc, { timeout: 1_000 })) !== undefined;
    await eventually(ask, { what: "the cluster's leader", timeoutMs: electionDeadlineMs, intervalMs: 200 });
  } finally {
    await nc.close();
  }
}

export async function startNatsCluster(size: number): Promise<NatsCluster> {
  const folder = await tempDir();
  const ports: number[] = [];
  for (let index = 0; index < size; index++) ports.push(await freePort());
  const starting = ports.map(async (_, index) => {
    const file = path.join(folder.path, `n${index}.conf`);
    // A cluster of one never elects itself.
    if (size === 1) return startNats();
    await writeFile(file, configOf(index, ports));
    return startNats({ args: ["-c", file] });
  });
  await Promise.allSettled(starting);
  const servers = await Promise.all(starting);
  const [first] = servers;
  if (first === undefined) throw new Error("a cluster has at least one server");
  const release = async (): Promise<void> => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await untilElected(first.url);
  } catch (error) {
    await release();
    throw error;
  }
  return { servers, url: servers.map(({ url }) => url).join(","), [Symbol.asyncDispose]: release };
}
