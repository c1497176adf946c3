import { writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer, type ServerOptions } from "node:https";
import { listen } from "@parley/runtime";

export interface StubCluster {
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An API server on loopback that answers as told; with `tls`, over HTTPS. */
export async function startStubCluster(answer: RequestListener, tls?: ServerOptions): Promise<StubCluster> {
  const server = tls === undefined ? createHttpServer(answer) : createHttpsServer(tls, answer);
  const listener = await listen(server, { host: "127.0.0.1", port: 0, variable: "PORT" });
  return {
    port: listener.port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await listener.close();
    },
  };
}

export interface KubeconfigParts {
  readonly server: string;
  readonly cluster?: object;
  readonly user?: object;
}

/** One context, `x`, in namespace `shop`. */
export async function writeKubeconfig(file: string, { server, cluster = {}, user = {} }: KubeconfigParts) {
  const config = {
    "current-context": "x",
    clusters: [{ name: "x", cluster: { server, ...cluster } }],
    users: [{ name: "x", user }],
    contexts: [{ name: "x", context: { cluster: "x", user: "x", namespace: "shop" } }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** For the fields of a kubeconfig that end in `-data`. */
export function data(pem: string): string {
  return Buffer.from(pem).toString("base64");
}
