import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import path from "node:path";
import { listen } from "@parley/runtime";
import { tempDir, type TempDir } from "@parley/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openClusters } from "../../src/kubernetes/clusters.ts";
import { createNamespaceRule } from "../../src/kubernetes/namespace-rule.ts";
import { type CallTool, openTools } from "../support/cluster-tools.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

function status(code: number, message: string): Answer {
  return (_, response) => {
    response.writeHead(code, { "content-type": "application/json" });
    response.end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, code }));
  };
}

describe("an API server", () => {
  let folder: TempDir;
  let server: Server;
  let close: () => Promise<void>;
  let answer: Answer;
  let call: CallTool;
  let kubeconfig: string;

  beforeEach(async () => {
    folder = await tempDir();
    server = createServer((request, response) => answer(request, response));
    const listener = await listen(server, { host: "127.0.0.1", port: 0, variable: "PORT" });
    close = async () => {
      server.closeAllConnections();
      await listener.close();
    };
    kubeconfig = path.join(folder.path, "kubeconfig");
    const cluster = { server: `http://127.0.0.1:${listener.port}`, "insecure-skip-tls-verify": true };
    const config = {
      "current-context": "x",
      clusters: [{ name: "x", cluster }],
      users: [{ name: "x", user: { token: "very-secret-token" } }],
      contexts: [{ name: "x", context: { cluster: "x", user: "x", namespace: "shop" } }],
    };
    await writeFile(kubeconfig, JSON.stringify(config));
    call = openTools(kubeconfig);
  });

  afterEach(async () => {
    await close();
    await folder[Symbol.asyncDispose]();
  });

  it.each([
    [401, "Unauthorized", "The cluster refused the credentials of the tool worker: they are wrong or have expired."],
    [403, "pods is forbidden", "The tool worker is not allowed to read pod p in namespace shop."],
    [404, "not found", "There is no pod p in namespace shop."],
    [429, "slow down", "The cluster is overloaded; try again in a moment."],
    [500, "stack trace", "The cluster answered with an internal error (500); try again in a moment."],
    [400, "token=abcdef is wrong.", "The cluster refused: token=[hidden] is wrong."],
  ])("that answers %d becomes a sentence without its internals", async (code, message, expected) => {
    answer = status(code, message);
    await expect(call("k8s_pod_logs", { pod: "p" })).rejects.toThrow(expected);
  });

  it("whose answer is not JSON becomes a sentence", async () => {
    answer = (_, response) => {
      response.writeHead(400, { "content-type": "text/html" });
      response.end("<html>proxy</html>");
    };
    await expect(call("k8s_list_namespaces")).rejects.toThrow("The cluster refused to read namespaces (400).");
  });

  it("that is not there becomes a sentence", async () => {
    answer = () => {};
    await close();
    await expect(call("k8s_list_pods")).rejects.toThrow("The cluster cannot be reached: the connection was refused.");
  });

  it("that does not answer is left at once when the call is stopped", async () => {
    let isClosed = false;
    const asked = new Promise<void>((resolve) => {
      answer = (_, response) => {
        response.on("close", () => {
          isClosed = true;
        });
        resolve();
      };
    });
    const stopper = new AbortController();
    const pending = call("k8s_list_pods", {}, stopper.signal);
    const ended = pending.then(
      () => "answered",
      (error: unknown) => String(error),
    );
    await asked;
    stopper.abort(new Error("stopped by the test"));
    expect(await ended).toBe("Error: stopped by the test");
    await expect.poll(() => isClosed).toBe(true);
  });

  it("that stops in the middle of a log is left when the call is stopped", async () => {
    const asked = new Promise<void>((resolve) => {
      answer = (_, response) => {
        response.writeHead(200, { "content-type": "text/plain" });
        response.write("first line\n", () => resolve());
      };
    });
    const stopper = new AbortController();
    const ended = call("k8s_pod_logs", { pod: "p" }, stopper.signal).then(
      () => "answered",
      (error: unknown) => String(error),
    );
    await asked;
    stopper.abort(new Error("stopped by the test"));
    expect(await ended).toBe("Error: stopped by the test");
  });

  it("whose log is large, coloured and full of secrets gives its last lines, plain and redacted", async () => {
    const lines = Array.from(
      { length: 2_000 },
      (_, line) => `\u001b[32m${line} password=hunter${line}\u001b[0m ${"x".repeat(50)}`,
    );
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      response.end(`${lines.join("\r\n")}\r\n`);
    };
    const { text, truncated } = await call("k8s_pod_logs", { pod: "p", tail: 2_000 });
    expect(truncated).toBe(true);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(32 * 1024);
    expect(text).toMatch(/^The last \d+ of 2000 lines of the log of p in namespace shop/);
    expect(text.split("\n").at(-1)).toBe(`1999 password=[hidden] ${"x".repeat(50)}`);
    expect(text).not.toContain("hunter");
    expect(text).not.toContain("\u001b");
  });

  it("whose log looks like JSON is read as text", async () => {
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      response.end('{"a":1}\n');
    };
    expect((await call("k8s_pod_logs", { pod: "p" })).text.split("\n")[1]).toBe('{"a":1}');
  });

  it("is asked for the rest of a long list", async () => {
    const asked: string[] = [];
    answer = ({ url = "" }, response) => {
      asked.push(url);
      const next = new URL(url, "http://x").searchParams.get("continue") === null ? "more" : undefined;
      const items = [
        {
          metadata: { name: next ?? "last", namespace: "shop" },
          spec: { containers: [] },
          status: { phase: "Running" },
        },
      ];
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata: { continue: next }, items }));
    };
    const { text } = await call("k8s_list_pods");
    expect(text).toMatch(/^2 pods in namespace shop/);
    expect(asked).toHaveLength(2);
  });

  it("that is named by no readable kubeconfig stops the start with a sentence", () => {
    const namespaces = createNamespaceRule(undefined);
    const open = () =>
      openClusters({ kubeconfig: "/nowhere/config", inCluster: false, label: undefined, namespaces, env: {} });
    expect(open).toThrow("The kubeconfig /nowhere/config cannot be read; set KUBECONFIG to one that can.");
  });

  it("is not looked for without a kubeconfig outside of a cluster", () => {
    const namespaces = createNamespaceRule(undefined);
    expect(
      openClusters({ kubeconfig: undefined, inCluster: false, label: undefined, namespaces, env: {} }),
    ).toBeUndefined();
  });

  it("is named by its kubeconfig unless somebody names it better", () => {
    const namespaces = createNamespaceRule(undefined);
    expect(openClusters({ kubeconfig, inCluster: false, label: undefined, namespaces, env: {} })?.all[0]?.label).toBe(
      "cluster x",
    );
  });
});
