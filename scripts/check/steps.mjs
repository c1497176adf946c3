import { existsSync } from "node:fs";
import path from "node:path";

const project = path.resolve(import.meta.dirname, "../..");
const LINTED = ["libs", "services", "loadtest", "test", "deploy", "scripts"];

const tool = (name) => path.join(project, "node_modules/.bin", name);
const script = (name) => path.join(project, "scripts/check", name);

/** What the gate runs, longest first, so that the last step to finish is a short one. */
export function listSteps(root) {
  const folders = LINTED.filter((folder) => existsSync(path.join(root, folder)));
  return [
    { name: "lint", command: tool("oxlint"), args: ["--type-aware", "--format=agent", ...folders] },
    { name: "types", command: tool("tsc"), args: ["-b", "--pretty", "false"] },
    { name: "test-types", command: tool("tsc"), args: ["-p", "tsconfig.tests.json", "--pretty", "false"] },
    { name: "page-test-types", command: tool("tsc"), args: ["-p", "tsconfig.page-tests.json", "--pretty", "false"] },
    { name: "dead-code", command: tool("knip"), args: ["--no-progress", "--no-config-hints"] },
    { name: "format", command: tool("oxfmt"), args: ["--list-different"] },
    { name: "manifests", command: tool("sherif"), args: [] },
    { name: "house-rules", command: process.execPath, args: [script("house-rules.mjs")] },
  ];
}

/** The proof that each of these steps still catches what it is for. */
export const selfTest = { name: "self-test", command: process.execPath, args: [script("self-test.mjs")] };
