import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";

/** The proxy for an address; "": none. */
export type ProxyFor = (url: string) => string;

/** Unused connections are closed before the usual minute of load balancers, or when the server says that it closes them. */
const options: AgentOptions = { keepAlive: true, scheduling: "lifo", maxFreeSockets: 256, timeout: 55_000 };
/** Origins whose way is remembered: the provider's and those that it redirects to. */
const maxOrigins = 64;

/** Connections that are kept and used again, straight to a server or by way of a proxy. */
export function createAgents(proxyFor: ProxyFor): (url: URL) => HttpAgent {
  const direct = { http: new HttpAgent(options), https: new HttpsAgent(options) };
  const byOrigin = new Map<string, HttpAgent>();

  const choose = (url: URL): HttpAgent => {
    const isSecure = url.protocol === "https:";
    const proxy = isLoopback(url) ? "" : proxyFor(url.href);
    if (proxy === "") return isSecure ? direct.https : direct.http;
    if (!/^https?:/i.test(proxy))
      throw Object.assign(new Error("a proxy of another kind"), { code: "PROXY_UNSUPPORTED" });
    return isSecure ? new HttpsProxyAgent(proxy, options) : new HttpProxyAgent(proxy, options);
  };

  return (url) => {
    const known = byOrigin.get(url.origin);
    if (known !== undefined) return known;
    if (byOrigin.size >= maxOrigins) byOrigin.clear();
    const agent = choose(url);
    byOrigin.set(url.origin, agent);
    return agent;
  };
}

/** A proxy would reach its own machine, not this one. */
function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
