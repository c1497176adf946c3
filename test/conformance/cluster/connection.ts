import { request, type RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import type { Step, Who } from "./case.ts";

const DEADLINE_MS = 20_000;

export type Answer = { status: number; text: string; headers: Record<string, unknown> };

/** Asks an API server as one of the kubeconfig's contexts; `nobody` has a token that nobody gave out. */
export function createConnection(kubeconfigFile: string) {
  function configOf(context: string): KubeConfig {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfigFile);
    config.setCurrentContext(context);
    return config;
  }

  const contexts = new KubeConfig();
  contexts.loadFromFile(kubeconfigFile);
  const names = contexts.getContexts().map(({ name }) => name);
  for (const needed of ["reader", "operator"])
    if (!names.includes(needed)) throw new Error(`the kubeconfig has no context "${needed}"`);

  async function ask(who: Who | "admin", step: Omit<Step, "status">): Promise<Answer> {
    const config = configOf(who === "nobody" ? "reader" : who);
    const body = step.body === undefined ? undefined : JSON.stringify(step.body);
    const server = config.getCurrentCluster()?.server ?? "";
    const options: RequestOptions = {
      method: step.method ?? "GET",
      headers: headersOf(step, body),
      signal: AbortSignal.timeout(DEADLINE_MS),
    };
    await config.applyToHTTPSOptions(options);
    if (config.getCurrentCluster()?.skipTLSVerify === true) options.rejectUnauthorized = false;
    if (who === "nobody") Object.assign(options.headers ?? {}, { Authorization: "Bearer nobody's" });
    return new Promise((resolve, reject) => {
      const req = request(server + step.path, options, (res) => {
        let text = "";
        res.setEncoding("utf8");
        res.on("data", (part: string) => {
          text += part;
        });
        res.on("end", () => resolve({ status: res.statusCode ?? 0, text, headers: res.headers }));
        res.on("error", reject);
      });
      req.on("error", reject);
      req.end(body);
    });
  }

  return { ask, isPrepared: !names.includes("admin") };
}

function headersOf(step: Omit<Step, "status">, body: string | undefined): Record<string, string> {
  const about = {
    "content-type": step.type ?? "application/json",
    // Node frames the body of a DELETE only if it is told how long it is.
    "content-length": String(Buffer.byteLength(body ?? "")),
  };
  return {
    accept: step.accept ?? "application/json",
    "user-agent": "conformance/1",
    ...(body !== undefined && about),
    ...step.headers,
  };
}

export type Connection = ReturnType<typeof createConnection>;
