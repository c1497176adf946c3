import { expect, test } from "vitest";
import { checkPods } from "../../../src/kubernetes/write/pod-rules.ts";

const any = { registries: undefined };
const container = (more: object = {}) => ({ name: "web", image: "nginx:1", ...more });
const pod = (more: object = {}) => ({ kind: "Pod", spec: { containers: [container()], ...more } });
const withContext = (securityContext: object) => pod({ containers: [container({ securityContext })] });
const nested = (kind: string, spec: object) => ({ kind, spec: { template: { spec } } });

const given = (after: unknown, before?: unknown) => () => checkPods("Pod web", { before, after }, any);

test.each([
  ["the network of the node", pod({ hostNetwork: true }), "hostNetwork"],
  ["the processes of the node", pod({ hostPID: true }), "hostPID"],
  ["the shared memory of the node", pod({ hostIPC: true }), "hostIPC"],
  ["a file of the node", pod({ volumes: [{ name: "v", hostPath: { path: "/etc" } }] }), "the hostPath /etc"],
  ["a privileged container", withContext({ privileged: true }), "the privileged container web"],
  ["every capability", withContext({ capabilities: { add: ["ALL"] } }), "the capability ALL"],
  ["the capability to be root", withContext({ capabilities: { add: ["CAP_SYS_ADMIN"] } }), "CAP_SYS_ADMIN"],
  ["an unmasked /proc", withContext({ procMount: "Unmasked" }), "procMount"],
  ["a port of the node", pod({ containers: [container({ ports: [{ hostPort: 80 }] })] }), "a hostPort"],
  [
    "an init container like that",
    pod({ initContainers: [container({ securityContext: { privileged: true } })] }),
    "web",
  ],
  ["a Deployment like that", nested("Deployment", { hostPID: true }), "hostPID"],
  ["a CronJob like that", { kind: "CronJob", spec: { jobTemplate: nested("Job", { hostPID: true }) } }, "hostPID"],
  ["a custom kind like that", nested("Rollout", { hostPID: true }), "hostPID"],
])("%s is not given from a chat", (_, after, says) => {
  expect(given(after)).toThrow(says);
});

test("what is there already does not keep the rest from being changed", () => {
  const agent = pod({ hostNetwork: true });
  expect(given({ ...agent, metadata: { labels: { a: "b" } } }, agent)).not.toThrow();
  expect(given(pod({ hostNetwork: true, hostPID: true }), agent)).toThrow("hostPID");
});

test("pods without any of it are given", () => {
  expect(given(withContext({ capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } }))).not.toThrow();
  expect(given({ kind: "ConfigMap", data: { hostPID: "true" } })).not.toThrow();
});

const rules = { registries: ["registry.example/shop", "docker.io/library/"] };
const withImage = (image: string) => ({ before: undefined, after: pod({ containers: [container({ image })] }) });

test.each(["registry.example/shop/cart:1", "registry.example/shop@sha256:0", "nginx:1.29"])(
  "with two registries an image %s is given",
  (image) => {
    expect(() => checkPods("Pod web", withImage(image), rules)).not.toThrow();
  },
);

test.each([
  "registry.example/shopping/cart:1",
  "registry.example.evil/shop/cart:1",
  "someone/nginx:1.29",
  "evil.example/library/nginx",
])("with two registries an image %s is not given", (image) => {
  expect(() => checkPods("Pod web", withImage(image), rules)).toThrow("may not be used here");
});
