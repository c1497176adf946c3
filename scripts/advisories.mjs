import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { judge } from "./advisory-findings.mjs";
import { run } from "./setup/commands.mjs";
import { root } from "./setup/paths.mjs";
import { say } from "./setup/progress.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: node scripts/advisories.mjs [--root FOLDER] [--allowed FILE]

  Fails on known weaknesses of severity high or critical that scripts/advisories-allowed.json does not explain.`;

giveHelp(process.argv.slice(2), usage);
const AUDIT_DEADLINE_MS = 120_000;

const { values } = parseArgs({
  options: {
    root: { type: "string", default: root },
    allowed: { type: "string", default: path.join(import.meta.dirname, "advisories-allowed.json") },
  },
});

/** What npm printed as JSON; undefined when it printed none. */
function parseReport(output) {
  try {
    return JSON.parse(output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1));
  } catch {
    return undefined;
  }
}

const { output } = await run("npm", ["audit", "--json", "--package-lock-only", "--loglevel=silent"], {
  cwd: values.root,
  timeoutMs: AUDIT_DEADLINE_MS,
});
const report = parseReport(output);

if (report?.vulnerabilities === undefined) {
  const reason = report?.message ?? output.trim().split("\n")[0] ?? "";
  say(
    `NOT AUDITED: this npm registry has no audit service (${reason || "npm gave no report"}); nothing is known of weaknesses.`,
  );
} else {
  const { blocking, notes } = judge(report, JSON.parse(readFileSync(values.allowed, "utf8")), new Date());
  for (const line of [...notes, ...blocking]) say(line);
  if (blocking.length === 0) say("No package has a known weakness of severity high or critical that is not explained.");
  process.exitCode = blocking.length === 0 ? 0 : 1;
}
