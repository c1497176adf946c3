import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import path from "node:path";
import { tempDir } from "@parley/testkit";
import { openChangingTools, type ChangingOptions } from "./changing-tools.ts";
import { startStubCluster, writeKubeconfig } from "./stub-cluster.ts";

/** What an API server does with a change. */
export type OnChange = (request: IncomingMessage, response: ServerResponse) => void;

const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "cart", namespace: "shop", uid: "u1", resourceVersion: "7", generation: 1 },
  spec: { replicas: 1, template: { spec: { containers: [{ name: "cart", image: "cart:1" }] } } },
};

/** What it says it has; whoever asks otherwise is told so. */
const discovery: Readonly<Record<string, unknown>> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/apis": {
    kind: "APIGroupList",
    groups: [{ name: "apps", versions: [{ version: "v1" }], preferredVersion: { version: "v1" } }],
  },
  "/api/v1": { kind: "APIResourceList", groupVersion: "v1", resources: [] },
  "/apis/apps/v1": {
    kind: "APIResourceList",
    groupVersion: "apps/v1",
    resources: [
      {
        name: "deployments",
        singularName: "deployment",
        namespaced: true,
        kind: "Deployment",
        verbs: ["get", "patch"],
      },
    ],
  },
};

/** An API server with one Deployment that allows everything and tries everything out; what it does with a change is the test's. */
export async function startScriptedApi(options: ChangingOptions = {}) {
  const state: { onChange: OnChange; changes: number } = { onChange: (_, response) => response.end(), changes: 0 };
  const answer: RequestListener = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
    const send = (body: unknown, status = 200): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (discovery[pathname] !== undefined) return send(discovery[pathname]);
    if (pathname.endsWith("/selfsubjectaccessreviews")) return send({ status: { allowed: true } }, 201);
    if (pathname !== "/apis/apps/v1/namespaces/shop/deployments/cart") return send({ kind: "Status", code: 404 }, 404);
    if (request.method === "GET") return send(deployment);
    if (searchParams.get("dryRun") === "All")
      return send(request.method === "DELETE" ? deployment : { ...deployment, spec: { replicas: 5 } });
    state.changes++;
    return state.onChange(request, response);
  };
  const server = await startStubCluster(answer);
  const folder = await tempDir();
  const kubeconfig = await writeKubeconfig(path.join(folder.path, "kubeconfig"), {
    server: `http://127.0.0.1:${server.port}`,
    cluster: { "insecure-skip-tls-verify": true },
  });
  const tools = openChangingTools(kubeconfig, { contexts: ["x", "x"], ...options });
  return {
    state,
    call: tools.call,
    stop: () => server[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
