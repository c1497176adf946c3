import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { workloads } from "./kubernetes-objects.ts";
import { root } from "./yaml.ts";

const text = readFileSync(path.join(root, "tilt/Tiltfile"), "utf8");
const isPythonHere = spawnSync("python3", ["--version"], { stdio: "ignore" }).status === 0;

// Starlark is nearly a part of Python: this finds slips of the pen, and not what Tilt itself would find.
it.skipIf(!isPythonHere)("reads as Python, which is all that can be said of it without Tilt", () => {
  const { status, stderr } = spawnSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], {
    input: text,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

it("names only files, stages and workloads that exist", () => {
  // What is built may not be there yet.
  for (const [, file = ""] of text.matchAll(/ROOT \+ "\/([^"]+)"/g))
    expect(existsSync(path.join(root, file.replace(/\/dist$/, ""))), file).toBe(true);
  const stage = /target="(\w+)"/.exec(text)?.[1];
  expect(readFileSync(path.join(root, "deploy/docker/Dockerfile"), "utf8")).toContain(` AS ${stage}\n`);
  const names = workloads.map(({ metadata }) => metadata.name);
  const resources = [...text.matchAll(/^k8s_resource\("([^"]+)"/gm)].map(([, name]) => name);
  expect(resources.toSorted()).toEqual(names.toSorted());
});

it("builds an image for each service that a manifest runs", () => {
  const images = workloads
    .flatMap(({ spec }) => spec.template.spec.containers.map(({ image }) => image))
    .filter((image) => image.startsWith("parley/"))
    .map((image) => image.slice("parley/".length));
  const built = /SERVICES = \[([^\]]+)\]/.exec(text)?.[1]?.match(/[\w-]+/g);
  expect(built?.toSorted()).toEqual(images.toSorted());
});

it("touches clusters on this machine only", () => {
  expect(text).toMatch(/^allow_k8s_contexts\(/m);
});
