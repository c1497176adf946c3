import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { ensureBrokerPrograms } from "./setup/broker-programs.mjs";
import { root } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";
import { checkOut, readRevision, removeCheckOut } from "./upgrade/check-out.mjs";

const usage = `Usage: node scripts/upgrade-rehearsal.mjs --from REVISION [--to REVISION] [--people N]

  --from REVISION  what runs now: a tag, branch or commit
  --to REVISION    what it is replaced by (default HEAD)
  --people N       how many chat meanwhile (default 12)

Starts a whole Parley of the first, replaces every process by one of the second while people chat, and then all of them back again; and the
second, with RECORD_FORMAT=1, by itself as it writes by default, and back. Exit code 1 when an answer was lost, repeated, changed or did not end.`;

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stopping.abort());

function readOptions(args) {
  const options = {
    from: { type: "string" },
    to: { type: "string", default: "HEAD" },
    people: { type: "string", default: "12" },
  };
  return parseArgs({ args, options }).values;
}

function rehearse(versions, people, { node, env, signal }) {
  const [from, to] = versions;
  const cli = path.join(root, "scripts/upgrade/main.ts");
  const args = ["--from-name", from.name, "--from-root", from.root, "--to-name", to.name, "--to-root", to.root];
  const child = spawn(node, ["--conditions=source", "--import", "tsx", cli, ...args, "--people", people], {
    env,
    signal,
    stdio: "inherit",
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

async function main(args, signal) {
  const { from, to, people } = readOptions(args);
  if (from === undefined) {
    say(usage);
    return 1;
  }
  const revisions = await Promise.all([from, to].map((revision) => readRevision(revision)));
  const node = await prepare({ needsBuild: false, needsEdge: true, signal });
  const env = { ...process.env, ...(await ensureBrokerPrograms({ signal })) };
  const folder = await mkdtemp(path.join(tmpdir(), "parley-upgrade-"));
  const versions = [];
  try {
    for (const [index, name] of revisions.entries()) {
      const place = path.join(folder, `${index}-${name}`);
      versions.push({ name, root: place });
      await checkOut(name, place, { signal });
    }
    return await rehearse(versions, people, { node, env, signal });
  } finally {
    for (const version of versions) await removeCheckOut(version.root);
    await rm(folder, { recursive: true, force: true });
  }
}

giveHelp(process.argv.slice(2), usage);
process.exitCode = await main(process.argv.slice(2), stopping.signal).catch((error) => {
  say(stopping.signal.aborted ? "Interrupted." : describeFailure(error));
  return 1;
});
