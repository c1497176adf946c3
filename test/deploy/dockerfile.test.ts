import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { root } from "./yaml.ts";

const text = readFileSync(path.join(root, "deploy/docker/Dockerfile"), "utf8");
const instructions = text
  .replaceAll(/^#.*\n/gm, "")
  .replaceAll("\\\n", " ")
  .split("\n")
  .map((line) => line.trim())
  .filter((line) => line !== "")
  .map((line) => ({ name: line.split(" ", 1)[0] ?? "", rest: line.slice(line.indexOf(" ") + 1).trim() }));

const all = (name: string): string[] => instructions.filter((one) => one.name === name).map(({ rest }) => rest);
const stageStart = instructions.findIndex(({ rest }) => rest.endsWith(" AS image"));
const image = instructions.slice(
  stageStart,
  instructions.findIndex(({ rest }) => rest.endsWith(" AS development")),
);
const services = readdirSync(path.join(root, "services")).filter((name) => name !== "web");
const libs = readdirSync(path.join(root, "libs"));

it("builds only from its own stages, from Node 24 on Debian 13, and from nothing", () => {
  const stages = new Set(all("FROM").map((rest) => / AS (\S+)$/.exec(rest)?.[1]));
  const bases = all("FROM").map((rest) => rest.split(" ", 1)[0] ?? "");
  const foreign = bases.filter((base) => !stages.has(base) && !base.includes("${SERVICE}"));
  expect([...new Set(foreign)].toSorted()).toEqual(["${NODE_IMAGE}", "scratch"]);
  expect(all("ARG")).toContainEqual(expect.stringMatching(/^NODE_IMAGE=node:24\.\d+\.\d+-trixie-slim$/));
});

it("has a stage of packages and one to run for each service", () => {
  const stages = all("FROM").map((rest) => / AS (\S+)$/.exec(rest)?.[1]);
  for (const service of services)
    expect(stages).toEqual(expect.arrayContaining([`packages-${service}`, `service-${service}`]));
});

it("gives npm the manifest of each workspace, or it would refuse the lock", () => {
  const copied = all("COPY").map((rest) => rest.split(" ", 1)[0]);
  const manifests = [...libs.map((name) => `libs/${name}`), ...services.map((name) => `services/${name}`)];
  expect(copied).toEqual(expect.arrayContaining(manifests.map((folder) => `${folder}/package.json`)));
});

it("installs what the lock says, and nothing when npm refuses the lock", () => {
  const installs = all("RUN").filter((rest) => /npm (?:ci|i|install)\b/.test(rest));
  expect(installs).toHaveLength(2);
  for (const install of installs) expect(install).toMatch(/^npm ci [^|;&]*$/);
});

it("runs no install script of any package", () => {
  const installs = all("RUN").flatMap((rest) => rest.match(/npm (?:ci|install)[^|&]*/g) ?? []);
  expect(installs).not.toEqual([]);
  for (const install of installs) expect(install).toContain("--ignore-scripts");
});

it("takes production packages of one service only", () => {
  const production = all("RUN").find((rest) => rest.includes("--omit=dev"));
  expect(production).toMatch(/--workspace "@parley\/\$\{SERVICE\}"/);
});

it("builds the image for production when no stage is named", () => {
  expect(instructions.at(-1)).toEqual({ name: "FROM", rest: "image AS production" });
});

it("runs as a user without a name, started without a shell, and can say how it is", () => {
  expect(image).toContainEqual({ name: "USER", rest: "10001:10001" });
  for (const command of all("CMD")) expect(command).toMatch(/^\["node"/);
  for (const check of all("HEALTHCHECK")) expect(check).toMatch(/CMD \["node", "-e", /);
  expect(all("HEALTHCHECK")).not.toEqual([]);
});

it("says where it comes from", () => {
  const labels = image.find(({ name }) => name === "LABEL")?.rest ?? "";
  for (const key of ["source", "revision", "version", "licenses"])
    expect(labels).toContain(`org.opencontainers.image.${key}=`);
});

it("sends the builder nothing but what it copies", () => {
  const ignore = readFileSync(path.join(root, ".dockerignore"), "utf8");
  expect(ignore).toMatch(/^\*$/m);
  expect(ignore).toMatch(/^\*\*\/\.env\*$/m);
  const allowed = [...ignore.matchAll(/^!(.+)$/gm)].map(([, name = ""]) => name);
  const sources = all("COPY")
    .filter((rest) => !rest.startsWith("--from"))
    .flatMap((rest) => rest.split(" ").slice(0, -1));
  for (const source of sources)
    expect(allowed.some((place) => source === place || source.startsWith(`${place}/`))).toBe(true);
});

it("runs each service as one file", () => {
  const compiled = all("RUN").find((rest) => rest.includes("vite.js build"));
  expect(compiled).toContain("node scripts/setup/service-bundles.mjs");
  expect(all("RUN")).toContainEqual(
    expect.stringContaining('ln -s "services/${SERVICE}/dist/bundle/main.mjs" main.mjs'),
  );
  expect(all("CMD")[0]).toContain('"/app/main.mjs"');
});

it("gives the edge the built chat page, with what other pages embed, at the place that it is told", () => {
  const compiled = all("RUN").find((rest) => rest.includes("vite.js build"));
  expect(compiled).toMatch(/vite\.js build\s+&&.*vite\.js build --config vite\.embed\.config\.ts/);
  expect(compiled).toContain("mv services/web/dist services/edge/web");
  expect(all("ENV")).toContainEqual(expect.stringContaining("WEB_DIR=/app/services/edge/web"));
});
