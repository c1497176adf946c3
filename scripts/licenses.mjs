import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { findForbidden, licensesPage, listPackages } from "./licenses-page.mjs";
import { root } from "./setup/paths.mjs";
import { say } from "./setup/progress.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: node scripts/licenses.mjs [--check] [--root FOLDER]

  Writes docs/licenses.md; with --check only says whether it is up to date. Either way a licence that is not allowed is an error.`;

giveHelp(process.argv.slice(2), usage);
const { values } = parseArgs({ options: { check: { type: "boolean" }, root: { type: "string", default: root } } });
const page = path.join(values.root, "docs/licenses.md");

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function problems() {
  const packages = listPackages(values.root);
  const forbidden = findForbidden(packages);
  const text = licensesPage(packages);
  if (!values.check) writeFileSync(page, text);
  const isStale = read(page) !== text;
  return isStale ? [...forbidden, "docs/licenses.md is stale: run `node scripts/licenses.mjs`."] : forbidden;
}

const found = problems();
for (const problem of found) say(problem);
if (found.length === 0) say("Every package has a licence that is allowed, and docs/licenses.md lists them.");
process.exitCode = found.length === 0 ? 0 : 1;
