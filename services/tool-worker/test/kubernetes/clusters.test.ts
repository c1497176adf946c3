import { writeFile } from "node:fs/promises";
import path from "node:path";
import { createMetrics } from "@parley/runtime";
import { tempDir, type TempDir } from "@parley/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { contextField, openClusters, type ClustersOptions } from "../../src/kubernetes/clusters.ts";
import { createNamespaceRule } from "../../src/kubernetes/namespace-rule.ts";
import { startStubCluster } from "../support/stub-cluster.ts";

const never = new AbortController().signal;

describe("the clusters", () => {
  let folder: TempDir;
  let warnings: object[];

  beforeEach(async () => {
    folder = await tempDir();
    warnings = [];
  });

  afterEach(() => folder[Symbol.asyncDispose]());

  /** A kubeconfig with a context, a user and a namespace for each name; the first one is the current one. */
  async function fileOf(name: string, servers: Readonly<Record<string, string>>): Promise<string> {
    const names = Object.keys(servers);
    const config = {
      "current-context": names[0],
      clusters: names.map((one) => ({
        name: one,
        cluster: { server: servers[one], "insecure-skip-tls-verify": true },
      })),
      users: names.map((one) => ({ name: one, user: { token: `token-of-${one}` } })),
      contexts: names.map((one) => ({ name: one, context: { cluster: one, user: one, namespace: `ns-${one}` } })),
    };
    const file = path.join(folder.path, name);
    await writeFile(file, JSON.stringify(config));
    return file;
  }

  const here = "https://127.0.0.1:1";

  function open(options: Partial<ClustersOptions>) {
    const log = { warn: (fields: object): void => void warnings.push(fields) };
    const namespaces = createNamespaceRule(undefined);
    const clusters = openClusters({
      kubeconfig: undefined,
      inCluster: false,
      label: undefined,
      namespaces,
      env: {},
      log,
      ...options,
    });
    if (clusters === undefined) throw new Error("there are none");
    return clusters;
  }

  it("are the current context if none is named", async () => {
    const { all, of } = open({ kubeconfig: await fileOf("config", { a: here, b: here }) });
    expect(all.map(({ name, label, defaultNamespace }) => [name, label, defaultNamespace])).toEqual([
      ["a", "cluster a", "ns-a"],
    ]);
    expect(of(undefined)).toBe(of("a"));
    expect(() => of("b")).toThrow("There is no such cluster; there are a.");
  });

  it("are those that are named, in their order, and each has its own name", async () => {
    const kubeconfig = await fileOf("config", { a: here, b: here, c: here });
    const clusters = open({ kubeconfig, contexts: ["c", "a"], label: "the only one" });
    expect(clusters.all.map(({ name, label }) => [name, label])).toEqual([
      ["c", "cluster c"],
      ["a", "cluster a"],
    ]);
    expect(clusters.of(undefined).name).toBe("c");
    expect(z.toJSONSchema(z.strictObject(contextField(clusters)))).toMatchObject({
      properties: { context: { enum: ["c", "a"], description: "Which cluster. Left out: c." } },
    });
  });

  it("are no choice if there is one", async () => {
    expect(contextField(open({ kubeconfig: await fileOf("config", { a: here }) }))).toEqual({});
  });

  it("must be in the kubeconfig", async () => {
    const kubeconfig = await fileOf("config", { a: here });
    expect(() => open({ kubeconfig, contexts: ["a", "x"] })).toThrow('KUBECONFIG has no context "x"; there are "a".');
  });

  describe("can be changed", () => {
    const context = { user: { id: "u" } };

    it("by nobody, unless somebody is named for it", async () => {
      const { all } = open({ kubeconfig: await fileOf("config", { a: here }) });
      expect(all[0]?.isWritable).toBe(false);
      expect(() => all[0]?.operator(context)).toThrow(
        "Nothing can be changed in the cluster a: the tool worker has no identity that may.",
      );
    });

    it.each(["another context", "another kubeconfig", "a context of another kubeconfig"])(
      "by %s, and read by nobody else than before",
      async (by) => {
        const asked: (string | undefined)[] = [];
        await using stub = await startStubCluster(({ headers }, response) => {
          asked.push(headers.authorization, headers["impersonate-user"]?.toString());
          response.end("{}");
        });
        const server = `http://127.0.0.1:${stub.port}`;
        const kubeconfig = await fileOf("config", { a: server, writer: server });
        const other = await fileOf("other", { writer: server, unused: here });
        const cluster = open({
          kubeconfig,
          ...(by === "another context" ? {} : { operatorKubeconfig: other }),
          ...(by === "another kubeconfig" ? {} : { operatorContexts: ["writer"] }),
          impersonate: by === "another context",
        }).of(undefined);
        const request = { path: "/api/v1/pods", asked: { what: "pods" }, signal: never };
        await cluster.reader.json(request);
        await cluster.operator(context).json(request);
        expect(asked).toEqual([
          "Bearer token-of-a",
          undefined,
          "Bearer token-of-writer",
          by === "another context" ? "parley:u" : undefined,
        ]);
      },
    );

    it("each by the context of its own name, or by one for each", async () => {
      const kubeconfig = await fileOf("config", { a: here, b: here, "b-writer": here, "a-writer": here });
      const contexts = ["a", "b"];
      expect(
        open({ kubeconfig, contexts, operatorKubeconfig: await fileOf("other", { b: here, a: here }) }).all.map(
          ({ isWritable }) => isWritable,
        ),
      ).toEqual([true, true]);
      expect(open({ kubeconfig, contexts, operatorContexts: ["a-writer", "b-writer"] }).all).toHaveLength(2);
      expect(() => open({ kubeconfig, contexts, operatorContexts: ["a-writer"] })).toThrow(
        "KUBE_OPERATOR_CONTEXT must name one context for each of KUBE_CONTEXTS",
      );
      expect(() => open({ kubeconfig, contexts, operatorKubeconfig: path.join(folder.path, "gone") })).toThrow(
        "set KUBE_OPERATOR_KUBECONFIG to one that can.",
      );
    });

    it("at another server than they are read from, which the operator is told", async () => {
      open({ kubeconfig: await fileOf("config", { a: here, b: "https://127.0.0.2:1" }), operatorContexts: ["b"] });
      expect(warnings).toEqual([{ context: "a", reads: here, changes: "https://127.0.0.2:1" }]);
    });
  });

  it("are counted by name, method and answer", async () => {
    await using stub = await startStubCluster((_, response) => void response.writeHead(404).end("{}"));
    const registry = createMetrics({ service: "test" });
    const { all } = open({ kubeconfig: await fileOf("config", { a: `http://127.0.0.1:${stub.port}` }), registry });
    await all[0]?.reader.json({ path: "/api", asked: { what: "it" }, signal: never }).catch(() => undefined);
    const text = await registry.metrics();
    expect(text).toMatch(/^parley_cluster_requests_total\{cluster="a",verb="get",code="404"[^}]*\} 1$/m);
    expect(text).toMatch(/^parley_cluster_request_duration_seconds_count\{[^}]*cluster="a",verb="get"\} 1$/m);
    expect(text).toMatch(/^parley_cluster_breaker_state\{cluster="a"[^}]*\} 0$/m);
    expect(text).toMatch(/^parley_cluster_requests_waiting\{cluster="a"[^}]*\} 0$/m);
  });
});
