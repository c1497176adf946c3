import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";

/** The proxy for an address; "": none. */
export type ProxyFor = (url: string) => string;

/** Unused connections are closed before the usual minute of load balancers, or when the server says that it closes them. */
const kept: AgentOptions = { keepAlive: true, scheduling: "lifo", maxFreeSockets: 256, timeout: 55_000 };
const fresh: AgentOptions = { keepAlive: false };
/** Origins whose way is remembered: the provider's and those that it redirects to. */
const maxOrigins = 64;

/** The way to one server. */
export interface Agents {
  /** Its connections are kept and used again. */
  readonly kept: HttpAgent;
  /** Its connections serve one request each. */
  readonly fresh: HttpAgent;
}

/** Connections straight to a server or by way of a proxy. */
export function createAgents(proxyFor: ProxyFor): (url: URL) => Agents {
  const byOrigin = new Map<string, Agents>();

  const agentTo = (url: URL, kind: AgentOptions): HttpAgent => {
    const isSecure = url.protocol === "https:";
    const proxy = isLoopback(url) ? "" : proxyFor(url.href);
    if (proxy === "") return isSecure ? new HttpsAgent(kind) : new HttpAgent(kind);
    if (!/^https?:/i.test(proxy))
      throw Object.assign(new Error("a proxy of another kind"), { code: "PROXY_UNSUPPORTED" });
    return isSecure ? new HttpsProxyAgent(proxy, kind) : new HttpProxyAgent(proxy, kind);
  };

  return (url) => {
    const known = byOrigin.get(url.origin);
    if (known !== undefined) return known;
    if (byOrigin.size >= maxOrigins) byOrigin.clear();
    const agents = { kept: agentTo(url, kept), fresh: agentTo(url, fresh) };
    byOrigin.set(url.origin, agents);
    return agents;
  };
}

/** A proxy would reach its own machine, not this one. */
function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
