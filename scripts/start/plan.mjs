import { HOST, serviceEnvironments, simulated } from "./environment.mjs";

const firstPorts = { "agent-worker": 8011, "tool-worker": 8021, "model-simulator": 8090, "cluster-simulator": 8091 };

const jobs = {
  "model-simulator": "simulated model (no OPENAI_API_KEY, OPENAI_BASE_URL or OPENROUTER_API_KEY is set)",
  "cluster-simulator": "simulated Kubernetes cluster (no KUBECONFIG is set)",
  "agent-worker": "runs turns",
  "tool-worker": "runs tools",
  edge: "WebSocket, SSE, REST, pages",
};

/** Which services run: all, or those named and the simulators that they need. */
export function chosenServices(only, env) {
  const names = only ?? ["tool-worker", "agent-worker", "edge"];
  const needed = [
    ...(names.includes("agent-worker") && simulated(env).model ? ["model-simulator"] : []),
    ...(names.includes("tool-worker") && simulated(env).cluster ? ["cluster-simulator"] : []),
  ];
  return new Set([...names, ...needed]);
}

function job(service, env) {
  if (service === "agent-worker" && simulated(env).model) return `${jobs[service]} (model: simulated)`;
  if (service === "tool-worker" && simulated(env).cluster) return `${jobs[service]} (cluster: simulated)`;
  return jobs[service];
}

function simulator(service, port, env) {
  const scheme = service === "cluster-simulator" ? "https" : "http";
  const address = `${scheme}://${HOST}:${port}`;
  return {
    name: service,
    service,
    what: job(service, env),
    env: { ...env, PORT: String(port) },
    readiness: `${address}/readyz`,
    address,
  };
}

/** `count` processes of a service, each with an admin port: the first one, the next …, or what is free. */
async function several({ service, count, firstPort, address }, { env, environments, ports }) {
  const planned = [];
  for (let index = 0; index < count; index += 1) {
    const adminPort = await ports.preferred(firstPort + index);
    planned.push({
      name: count === 1 ? service : `${service}-${index + 1}`,
      service,
      what: job(service, env),
      env: { ...environments[service], ADMIN_PORT: String(adminPort) },
      readiness: `http://${HOST}:${adminPort}/readyz`,
      address: address === undefined ? `http://${HOST}:${adminPort} (admin)` : `${address} (admin :${adminPort})`,
    });
  }
  return planned;
}

/**
 * The processes in groups: those of one group start together, the next group once all of it are ready. They stop in the
 * reverse order.
 */
export async function planProcesses({ options, env, urls, ports }) {
  const modelPort = await ports.preferred(firstPorts["model-simulator"]);
  const clusterPort = await ports.preferred(firstPorts["cluster-simulator"]);
  const environments = serviceEnvironments({ env, urls, modelPort });
  const context = { env, environments, ports };
  const sharing = options.edges > 1 ? { REUSE_PORT: "1" } : {};
  environments.edge = { ...environments.edge, ...sharing, PORT: String(options.port) };
  const groups = [
    [
      simulator("model-simulator", modelPort, environments["model-simulator"]),
      simulator("cluster-simulator", clusterPort, environments["cluster-simulator"]),
    ],
    [
      ...(await several(
        { service: "tool-worker", count: options.toolWorkers, firstPort: firstPorts["tool-worker"] },
        context,
      )),
      ...(await several(
        { service: "agent-worker", count: options.agentWorkers, firstPort: firstPorts["agent-worker"] },
        context,
      )),
      ...(await several(
        {
          service: "edge",
          count: options.edges,
          firstPort: options.port + 1,
          address: `http://${HOST}:${options.port}`,
        },
        context,
      )),
    ],
  ];
  const chosen = chosenServices(options.only, env);
  return groups.map((group) => group.filter(({ service }) => chosen.has(service))).filter((group) => group.length > 0);
}
