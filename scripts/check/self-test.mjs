import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { run } from "../setup/commands.mjs";
import { say } from "../setup/progress.mjs";
import { runInParallel } from "./parallel.mjs";
import { plantedFaults, soundFiles } from "./planted-faults.mjs";
import { listSteps } from "./steps.mjs";

// A gate that never fails is worth nothing: each step runs on a small project with faults and must name every one.
const project = path.resolve(import.meta.dirname, "../..");
const STEP_DEADLINE_MS = 120_000;
const SETTINGS = [
  ".oxlintrc.json",
  ".oxfmtrc.json",
  ".gitignore",
  "knip.json",
  "tsconfig.base.json",
  "tsconfig.tests.json",
  "tsconfig.page-tests.json",
];

const SKELETON = {
  "package.json":
    '{ "name": "sample", "private": true, "type": "module", "workspaces": ["libs/*", "services/*"], "engines": { "node": ">=20.19.0" }, "packageManager": "npm@11.19.1" }\n',
  "tsconfig.json": '{ "files": [], "references": [{ "path": "libs/sample" }] }\n',
  "libs/sample/package.json":
    '{ "name": "@parley/sample", "type": "module", "exports": "./src/index.ts", "dependencies": { "zod": "4.6.7" } }\n',
  "libs/sample/tsconfig.json": '{ "extends": "../../tsconfig.base.json" }\n',
  "libs/protocol/package.json": '{ "name": "@parley/protocol", "type": "module" }\n',
};

async function plant(root) {
  const files = Object.entries({ ...SKELETON, ...soundFiles });
  const faults = plantedFaults.filter(({ text }) => text !== undefined).map(({ file, text }) => [file, text]);
  for (const [file, text] of [...files, ...faults]) {
    const target = path.join(root, file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
  }
  for (const name of SETTINGS) await copyFile(path.join(project, name), path.join(root, name));
  await mkdir(path.join(root, "node_modules"));
  for (const name of [".bin", "@types", "undici-types", "zod"]) {
    await symlink(path.join(project, "node_modules", name), path.join(root, "node_modules", name));
  }
}

function findBlindSpots({ name, code, output }) {
  const faults = plantedFaults.filter(({ step }) => step === name);
  const reported = output.split("\n");
  const missed = faults
    .filter(({ file = "", says }) => !reported.some((line) => line.includes(file) && line.includes(says)))
    .map(({ file = "the project", says }) => `${name} does not report "${says}" in ${file}`);
  const falseAlarms = Object.keys(soundFiles)
    .filter((file) => output.includes(file))
    .map((file) => `${name} complains about ${file}, which is sound`);
  const silent = code === 0 ? [`${name} passes a project with faults`] : [];
  return [...silent, ...missed, ...falseAlarms];
}

async function examine(root) {
  const results = await runInParallel(listSteps(root), availableParallelism(), async ({ name, command, args }) => {
    const { code, output } = await run(command, args, { cwd: root, timeoutMs: STEP_DEADLINE_MS });
    return { name, code, output };
  });
  const blindSpots = results.flatMap(findBlindSpots);
  for (const problem of blindSpots) say(problem);
  // For the one who adds a fault: what the steps really said.
  if (process.env.SELF_TEST_OUTPUT === "1") for (const { name, output } of results) say(`── ${name} ──\n${output}`);
  if (blindSpots.length === 0) say(`All ${plantedFaults.length} planted faults are caught.`);
  return blindSpots.length === 0;
}

const root = await mkdtemp(path.join(tmpdir(), "parley-check-"));
try {
  await plant(root);
  process.exitCode = (await examine(root)) ? 0 : 1;
} finally {
  await rm(root, { recursive: true, force: true });
}
