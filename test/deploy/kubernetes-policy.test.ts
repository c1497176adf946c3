import { toolQueueName } from "@parley/protocol";
import { expect, it } from "vitest";
import { z } from "zod";
import { objects, ofKind, workloads } from "./kubernetes-objects.ts";
import { manifestsIn } from "./manifests.ts";

const Selector = z.object({ matchLabels: z.record(z.string(), z.string()).default({}) });
const named = workloads.map((workload) => [workload.metadata.name, workload] as const);
const pods = workloads.map(({ spec }) => spec.template.metadata.labels);

/** Whether these labels select pods of some workload. */
function selectsSomething({ matchLabels }: z.infer<typeof Selector>): boolean {
  return pods.some((labels) => Object.entries(matchLabels).every(([key, value]) => labels[key] === value));
}

// That each has resources, a read-only root and three probes is said by the schema of `Workload`.
it.each(named)("%s runs under the restricted Pod Security Standard, with an account of its own", (name, { spec }) => {
  expect(spec.template.spec.serviceAccountName).toBe(name);
  expect(spec.template.spec.automountServiceAccountToken).toBe(name === "tool-worker");
  const accounts = ofKind("ServiceAccount").map(({ metadata }) => metadata.name);
  expect(accounts).toContain(name);
});

it.each(named)("%s selects its own pods", (_, { spec }) => {
  expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
});

it.each(named.filter(([name]) => /edge|worker/.test(name)))(
  "%s is restarted only when it does not answer itself",
  (_, { spec }) => {
    for (const { startupProbe, livenessProbe, readinessProbe, ports } of spec.template.spec.containers) {
      expect(livenessProbe.httpGet).toEqual({ path: "/livez", port: "admin" });
      expect(startupProbe.httpGet).toEqual({ path: "/livez", port: "admin" });
      expect(readinessProbe.httpGet).toEqual({ path: "/readyz", port: "admin" });
      expect(ports.map((port) => port.name)).toContain("admin");
    }
  },
);

it("scales, protects and routes to what exists", () => {
  const names = workloads.map(({ metadata }) => metadata.name);
  const Target = z.object({ spec: z.object({ scaleTargetRef: z.object({ name: z.string() }) }) });
  const scalers = [...ofKind("HorizontalPodAutoscaler"), ...ofKind("ScaledObject")];
  expect(scalers).toHaveLength(3);
  for (const scaler of scalers) expect(names).toContain(Target.parse(scaler).spec.scaleTargetRef.name);

  const Budget = z.object({ spec: z.object({ selector: Selector }) });
  const budgets = ofKind("PodDisruptionBudget");
  expect(budgets).toHaveLength(3);
  for (const budget of budgets) expect(selectsSomething(Budget.parse(budget).spec.selector)).toBe(true);

  const Route = z.object({
    spec: z.object({
      rules: z.array(z.object({ backendRefs: z.array(z.object({ name: z.string(), port: z.number() })) })),
    }),
  });
  const Service = z.object({ spec: z.object({ ports: z.array(z.object({ port: z.number() })) }) });
  for (const { backendRefs } of ofKind("HTTPRoute").flatMap((route) => Route.parse(route).spec.rules)) {
    for (const { name, port } of backendRefs) {
      const service = ofKind("Service").find(({ metadata }) => metadata.name === name);
      expect(Service.parse(service).spec.ports.map((one) => one.port)).toContain(port);
    }
  }
});

it("leads each Service to a port that its pods have", () => {
  const Service = z.object({
    spec: z.object({
      selector: z.record(z.string(), z.string()),
      ports: z.array(z.object({ targetPort: z.string() })),
    }),
  });
  const services = ofKind("Service").map((service) => Service.parse(service).spec);
  expect(services.length).toBeGreaterThan(3);
  for (const { selector, ports } of services) {
    const target = workloads.find(
      ({ spec }) =>
        selectsSomething({ matchLabels: selector }) &&
        Object.entries(selector).every(([key, value]) => spec.template.metadata.labels[key] === value),
    );
    const open = target?.spec.template.spec.containers.flatMap((container) => container.ports.map(({ name }) => name));
    for (const { targetPort } of ports) expect(open).toContain(targetPort);
  }
});

it("tells gateways that the edge speaks WebSocket, and gives sockets no time limit", () => {
  const edge = JSON.stringify(ofKind("Service").find(({ metadata }) => metadata.name === "edge"));
  expect(edge).toContain('"appProtocol":"kubernetes.io/ws"');
  expect(JSON.stringify(ofKind("HTTPRoute"))).toContain(
    '"value":"/ws"}}],"timeouts":{"request":"0s","backendRequest":"0s"}',
  );
});

it("watches the queues that the services use", () => {
  const scaled = JSON.stringify(ofKind("ScaledObject"));
  expect(scaled).toContain(
    '"query":"max(parley_turns_queue_waiting) + sum(parley_turns_running) + (sum(parley_turns_held) or vector(0))"',
  );
  expect(scaled).toContain('"ignoreNullValues":"false"');
  expect(scaled).toContain(`"listName":"bull:${toolQueueName}:wait"`);
  expect(scaled.match(/"stabilizationWindowSeconds":300/g)).toHaveLength(2);
});

it("lets nothing in or out that is not listed, and lists only pods that exist", () => {
  const Policy = z.object({ metadata: z.object({ name: z.string() }), spec: z.object({ podSelector: Selector }) });
  const policies = ofKind("NetworkPolicy").map((policy) => Policy.parse(policy));
  const open = objects.find(({ kind, metadata }) => kind === "NetworkPolicy" && metadata.name === "default-deny");
  expect(open).toMatchObject({ spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } });
  for (const { metadata, spec } of policies) expect(selectsSomething(spec.podSelector), metadata.name).toBe(true);
  for (const name of ["edge", "agent-worker", "tool-worker", "nats", "redis"]) {
    expect(policies.map(({ metadata }) => metadata.name)).toContain(name);
  }
});

it("gives the tool worker no right to change anything, unless the operator component is chosen", () => {
  const Role = z.object({
    metadata: z.object({ name: z.string() }),
    rules: z.array(z.object({ verbs: z.array(z.string()), resources: z.array(z.string()) })),
  });
  const roles = ofKind("ClusterRole").map((role) => Role.parse(role));
  const reader = roles.find(({ metadata }) => metadata.name === "parley-tool-reader");
  expect([...new Set(reader?.rules.flatMap(({ verbs }) => verbs))].toSorted()).toEqual(["get", "list"]);
  expect(reader?.rules.flatMap(({ resources }) => resources)).not.toContain("secrets");
});

it("gives rights to change something to a service account that no pod runs as", () => {
  const Binding = z.object({
    roleRef: z.object({ name: z.string() }),
    subjects: z.array(z.object({ name: z.string() })),
  });
  const component = manifestsIn("deploy/k8s/components/operator/rbac.yaml");
  const bindings = [...objects, ...component]
    .filter(({ kind }) => kind === "RoleBinding" || kind === "ClusterRoleBinding")
    .map((binding) => Binding.parse(binding));
  const subjectsOf = (role: string): string[] =>
    bindings.flatMap(({ roleRef, subjects }) => (roleRef.name === role ? subjects.map(({ name }) => name) : []));
  expect(new Set(subjectsOf("parley-tool-reader"))).toEqual(new Set(["tool-worker"]));
  expect(new Set(subjectsOf("parley-tool-operator"))).toEqual(new Set(["tool-operator"]));
  expect(JSON.stringify(ofKind("Deployment"))).not.toContain('"serviceAccountName":"tool-operator"');
});
