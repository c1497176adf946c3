import { describe, expect, it } from "vitest";
import { openClusters } from "../../src/kubernetes/clusters.ts";
import { followLog } from "../../src/kubernetes/log-reading.ts";
import { createNamespaceRule } from "../../src/kubernetes/namespace-rule.ts";
import { tempDir } from "@parley/testkit";
import path from "node:path";
import { startStubCluster, writeKubeconfig } from "../support/stub-cluster.ts";

/** A log that grows by one answer each time it is asked for, as a kubelet tells it: from a second on. */
async function startGrowingLog(answers: readonly string[][]) {
  const folder = await tempDir();
  const sinces: (string | null)[] = [];
  const server = await startStubCluster(({ url = "" }, response) => {
    const since = new URL(url, "http://x").searchParams.get("sinceTime");
    const upTo = answers.slice(0, sinces.push(since)).flat();
    const lines = since === null ? upTo : upTo.filter((line) => line.slice(0, 19) >= since.slice(0, 19));
    response.end(lines.map((line) => `${line}\n`).join(""));
  });
  const file = path.join(folder.path, "kubeconfig");
  const kubeconfig = await writeKubeconfig(file, {
    server: `http://127.0.0.1:${server.port}`,
    cluster: { "insecure-skip-tls-verify": true },
  });
  const clusters = openClusters({
    kubeconfig,
    inCluster: false,
    label: "stub",
    namespaces: createNamespaceRule(undefined),
    env: {},
  });
  if (clusters === undefined) throw new Error("there is no cluster");
  return {
    cluster: clusters.of(undefined),
    sinces,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const query = { namespace: "shop", previous: false, lines: 10 };

describe("a log that is followed", () => {
  it("is read on from the second of its last line, and shows each line once", async () => {
    const [one, two] = ["2026-03-01T12:00:01.1Z a", "2026-03-01T12:00:01.9Z b"];
    await using log = await startGrowingLog([[one], [two, "2026-03-01T12:00:02Z c"], []]);
    const fresh: string[][] = [];
    const following = { forMs: 4_500, onLines: (lines: readonly string[]) => fresh.push([...lines]) };
    const { signal } = new AbortController();
    const { text } = await followLog(log.cluster, { pod: "p" }, { ...query, signal }, following);
    expect(text).toBe("a\nb\nc");
    expect(fresh).toEqual([["b", "c"]]);
    expect(log.sinces.slice(0, 3)).toEqual([null, "2026-03-01T12:00:01Z", "2026-03-01T12:00:02Z"]);
  });

  it("ends at once when nobody wants it any more", async () => {
    await using log = await startGrowingLog([["2026-03-01T12:00:01Z a"]]);
    const controller = new AbortController();
    const following = { forMs: 60_000, onLines: () => {} };
    const reading = followLog(log.cluster, { pod: "p" }, { ...query, signal: controller.signal }, following);
    setTimeout(() => controller.abort(new Error("cancelled")), 300);
    await expect(reading).rejects.toThrow();
  });
});
