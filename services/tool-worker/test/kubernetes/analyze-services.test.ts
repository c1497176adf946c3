import { describe, expect, it } from "vitest";
import {
  findIngressBackends,
  findSelectorMismatches,
  findServicesWithoutEndpoints,
  findUnfilledServices,
} from "../../src/kubernetes/analyze/service-rules.ts";
import { metadata, pod, snapshotOf } from "../support/cluster-objects.ts";

const ports = [{ port: 80, targetPort: 8080 }];
const service = (spec: object = {}) => ({
  metadata: metadata({ name: "web" }),
  spec: { selector: { app: "web" }, ports, ...spec },
});
const deployment = (labels: object, spec: object = {}) => ({
  metadata: metadata({ name: "web" }),
  spec: { replicas: 1, template: { metadata: { labels } }, ...spec },
});
const unready = pod({ status: { conditions: [{ type: "Ready", status: "False" }] } });

describe("a selector that matches nothing", () => {
  it.each([
    [
      "another value",
      { app: "web", tier: "front" },
      deployment({ app: "web", tier: "frontend" }),
      /Deployment web is nearest: tier is frontend there, not front/,
    ],
    [
      "another key",
      { "app.kubernetes.io/name": "web" },
      deployment({ app: "web" }),
      /Deployment web is nearest: app.kubernetes.io\/name is not set there/,
    ],
    ["nothing like it", { app: "other" }, deployment({ app: "web" }), /correct the selector/],
  ])("because of %s is found", (_, selector, workload, suggestion) => {
    const [finding] = findSelectorMismatches(
      snapshotOf({ services: [service({ selector })], deployments: [workload], pods: [pod()] }),
    );
    expect(finding).toMatchObject({ severity: "critical", object: { kind: "Service", name: "web" } });
    expect(finding?.suggestion).toMatch(suggestion);
  });

  it("is found when such pods are in another namespace only", () => {
    const elsewhere = pod({ meta: { namespace: "other" } });
    expect(findSelectorMismatches(snapshotOf({ services: [service()], pods: [elsewhere] }))).toHaveLength(1);
  });

  it.each([
    ["one that matches a pod", service(), [pod()], []],
    ["one whose workload is scaled to 0", service(), [], [deployment({ app: "web" }, { replicas: 0 })]],
    ["one without a selector", service({ selector: undefined }), [], []],
    ["a name outside of the cluster", service({ type: "ExternalName" }), [], []],
  ])("is not found in %s", (_, one, pods, deployments) => {
    expect(findSelectorMismatches(snapshotOf({ services: [one], pods, deployments }))).toEqual([]);
  });
});

describe("a service without endpoints", () => {
  it.each([
    ["no pod is ready", { pods: [unready] }, "critical", /none of its 1 pods is ready: x \(Running\)/],
    [
      "its pods are at their end",
      { pods: [pod({ status: { phase: "Failed" } })], deployments: [deployment({ app: "web" })] },
      "critical",
      /Deployment web has no pods$/,
    ],
    ["it is scaled to 0", { deployments: [deployment({ app: "web" }, { replicas: 0 })] }, "warning", /scaled to 0/],
  ])("is found when %s", (_, others, severity, evidence) => {
    const [finding] = findServicesWithoutEndpoints(snapshotOf({ services: [service()], ...others }));
    expect(finding?.severity).toBe(severity);
    expect(finding?.evidence).toMatch(evidence);
  });

  it("is found when no pod has a port of the name that it sends to", () => {
    const services = [service({ ports: [{ port: 80, targetPort: "http" }] })];
    const pods = [pod({ container: { ports: [{ name: "web", containerPort: 8080 }] } })];
    expect(findServicesWithoutEndpoints(snapshotOf({ services, pods }))[0]?.evidence).toMatch(
      /80 to http; they have web$/,
    );
  });

  it.each([
    ["a pod is ready", service(), [pod(), unready]],
    ["it sends to a number", service({ ports: [{ port: 80, targetPort: 9999 }] }), [pod()]],
    [
      "its named port is there",
      service({ ports: [{ port: 80, targetPort: "http" }] }),
      [pod({ container: { ports: [{ name: "http", containerPort: 1 }] } })],
    ],
    ["it wants unready pods too", service({ publishNotReadyAddresses: true }), [unready]],
    ["nothing matches its selector: that is another check", service({ selector: { app: "none" } }), [pod()]],
  ])("is not found when %s", (_, one, pods) => {
    expect(findServicesWithoutEndpoints(snapshotOf({ services: [one], pods }))).toEqual([]);
  });
});

describe("a service that is given its endpoints", () => {
  const given = service({ selector: undefined });
  const slice = (endpoints: object[]) => ({
    metadata: metadata({ labels: { "kubernetes.io/service-name": "web" } }),
    endpoints,
  });

  it.each([
    ["there are none", []],
    ["none of them is ready", [slice([{ conditions: { ready: false } }])]],
    [
      "they are another's",
      [{ ...slice([{}]), metadata: metadata({ labels: { "kubernetes.io/service-name": "api" } }) }],
    ],
  ])("is found when %s", (_, endpointSlices) => {
    expect(findUnfilledServices(snapshotOf({ services: [given], endpointSlices }))).toHaveLength(1);
  });

  it.each([
    ["it has some", given, [slice([{ conditions: { ready: true } }])]],
    ["their state is not known, which counts as ready", given, [slice([{}])]],
    ["it has a selector", service(), []],
  ])("is not found when %s", (_, one, endpointSlices) => {
    expect(findUnfilledServices(snapshotOf({ services: [one], endpointSlices }))).toEqual([]);
  });
});

describe("a path of an ingress", () => {
  const ingress = (backend: object, host = "shop.example") => ({
    metadata: metadata({ name: "shop" }),
    spec: { rules: [{ host, http: { paths: [{ path: "/cart", backend: { service: backend } }] } }] },
  });

  it.each([
    [
      "to no service",
      ingress({ name: "cart", port: { number: 80 } }),
      /^shop.example\/cart leads to Service cart, which does not exist$/,
    ],
    [
      "to a port that is not there",
      ingress({ name: "web", port: { number: 8080 } }),
      /port 8080 of Service web, which has 80$/,
    ],
    [
      "to a name of a port that is not there",
      ingress({ name: "web", port: { name: "http" } }),
      /port http of Service web/,
    ],
    [
      "by default to no service",
      { metadata: metadata(), spec: { defaultBackend: { service: { name: "gone" } } } },
      /^its default backend leads to Service gone/,
    ],
  ])("%s is found", (_, one, evidence) => {
    const [finding, ...others] = findIngressBackends(snapshotOf({ ingresses: [one], services: [service()] }));
    expect(others).toEqual([]);
    expect(finding?.evidence).toMatch(evidence);
  });

  it.each([
    ["that leads to a service", ingress({ name: "web", port: { number: 80 } }), service()],
    [
      "that leads to a port by its name",
      ingress({ name: "web", port: { name: "http" } }),
      service({ ports: [{ name: "http", port: 80 }] }),
    ],
    [
      "that leads out of the cluster",
      ingress({ name: "web", port: { number: 443 } }),
      service({ type: "ExternalName", ports: undefined }),
    ],
    ["of an ingress without rules", { metadata: metadata(), spec: {} }, service()],
  ])("%s is not found", (_, one, its) => {
    expect(findIngressBackends(snapshotOf({ ingresses: [one], services: [its] }))).toEqual([]);
  });
});
