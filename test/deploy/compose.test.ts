import { existsSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { readYamlFile, root } from "./yaml.ts";

const Service = z.object({
  image: z.string(),
  restart: z.string().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  networks: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string().nullable()).default({}),
  container_name: z.never().optional(),
  deploy: z.object({ resources: z.object({ limits: z.object({ cpus: z.string(), memory: z.string() }) }) }),
});
const Whole = z.object({ services: z.record(z.string(), Service) });
const Override = z.object({
  services: z.record(z.string(), z.object({ ports: z.array(z.string()).default([]) }).loose()),
});

const { services } = Whole.parse(readYamlFile("docker-compose.yml")[0]);
const override = Override.parse(readYamlFile("docker-compose.override.yml")[0]);
const added = Object.entries(override.services).filter(([name]) => services[name] === undefined);
const all = { ...services, ...Object.fromEntries(added.map(([name, service]) => [name, Service.parse(service)])) };

it.each(Object.entries(all))("%s has no more rights than it needs, and limits", (name, service) => {
  expect(service.cap_drop).toEqual(["ALL"]);
  expect(service.security_opt).toEqual(["no-new-privileges:true"]);
  // Grafana unpacks plugins and its database next to each other.
  expect(service.read_only === true || name === "grafana").toBe(true);
});

it.each(Object.entries(all))("%s is pinned to a version", (_, { image }) => {
  expect(image).toMatch(/:(v?\d+\.\d+(\.\d+)?(-\w+)?|\$\{PARLEY_VERSION:-local\})$/);
});

it("publishes ports on this machine's own address only, unless told otherwise", () => {
  const ports = [...Object.values(all), ...Object.values(override.services)].flatMap((service) => service.ports);
  expect(ports.length).toBeGreaterThan(3);
  for (const port of ports) expect(port).toMatch(/^(127\.0\.0\.1:|\$\{EDGE_PUBLISH:-127\.0\.0\.1:8000\}:8000$)/);
});

it("keeps the brokers on a network without a way out", () => {
  for (const name of ["nats", "redis"]) expect(services[name]?.networks).toEqual(["backend"]);
});

it("mounts only files that are there", () => {
  const mounted = Object.values(all).flatMap(({ volumes }) => volumes.filter((volume) => volume.startsWith("./")));
  expect(mounted.length).toBeGreaterThan(3);
  for (const volume of mounted) expect(existsSync(path.join(root, volume.split(":", 1)[0] ?? "")), volume).toBe(true);
});

it("lets the brokers start with no password that was not set", () => {
  const users = ["EDGE", "AGENT", "TOOL", "OPERATOR"];
  for (const role of users) expect(services["nats"]?.environment).toHaveProperty(`NATS_${role}_PASSWORD`, null);
  for (const role of [...users, "SCALER"])
    expect(services["redis"]?.environment).toHaveProperty(`REDIS_${role}_PASSWORD`, null);
  expect(services["nats"]?.environment).toHaveProperty("NATS_AUDITOR_PASSWORD", null);
});

it("gives each process the user of its role, and no password to anybody else", () => {
  const roles = { edge: "edge", "agent-worker": "agent", "tool-worker": "tool" };
  for (const [name, role] of Object.entries(roles)) {
    const { NATS_URL, REDIS_URL, ...others } = services[name]?.environment ?? {};
    expect(NATS_URL).toBe(`nats://${role}:\${NATS_${role.toUpperCase()}_PASSWORD:-}@nats:4222`);
    expect(REDIS_URL).toBe(`redis://${role}:\${REDIS_${role.toUpperCase()}_PASSWORD:-}@redis:6379`);
    expect(JSON.stringify(others)).not.toMatch(/(NATS|REDIS)_\w+_PASSWORD/);
  }
});
