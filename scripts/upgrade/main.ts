import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { runRollingUpgrade } from "../../test/upgrade/rolling-upgrade.ts";

// Started by ../upgrade-rehearsal.mjs with two built checkouts.
const { values } = parseArgs({
  options: {
    "from-name": { type: "string", default: "old" },
    "from-root": { type: "string", default: "" },
    "to-name": { type: "string", default: "new" },
    "to-root": { type: "string", default: "" },
    people: { type: "string", default: "12" },
  },
});

/** The first versions of this program know no turns that wait. */
const canWait = (root: string): boolean => existsSync(path.join(root, "services/tool-worker/src/call-approval.ts"));
const versionOf = (name: string, root: string) => ({ name, root, canWait: canWait(root) });
const from = versionOf(values["from-name"], values["from-root"]);
const to = versionOf(values["to-name"], values["to-root"]);
/** As it writes where the log is older, and as it does by itself where it has made the log. */
const onePerMessage = { ...to, name: `${to.name} with RECORD_FORMAT=1`, env: { RECORD_FORMAT: "1" } };
const startedAt = performance.now();

function say(text: string): void {
  process.stdout.write(`  ${String(Math.round((performance.now() - startedAt) / 1_000)).padStart(4)} s  ${text}\n`);
}

async function rehearse(): Promise<number> {
  const people = Number(values.people);
  let found = 0;
  for (const versions of [
    [from, to, from],
    [onePerMessage, to, onePerMessage],
  ] as const) {
    const { turns, decided, reconnects, faults } = await runRollingUpgrade({ people, versions, say });
    for (const fault of faults) say(`FAULT ${fault}`);
    say(
      `${turns} turns of ${people} people, ${decided} more that waited, ${reconnects} connections moved to another edge, ${faults.length} faults`,
    );
    found += faults.length;
  }
  return found === 0 ? 0 : 1;
}

// An end without `exit` was seen to spin for ever in Node's own clean-up (20.20, after children that had ended).
process.exit(
  await rehearse().catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }),
);
