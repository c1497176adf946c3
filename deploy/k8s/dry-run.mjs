import path from "node:path";
import { parseArgs } from "node:util";
import { findProgram, run } from "../../scripts/setup/commands.mjs";
import { root } from "../../scripts/setup/paths.mjs";

// Lets the API server of a real cluster judge an overlay, without changing anything: defaults, admission and quotas, which no schema knows.
//   node deploy/k8s/dry-run.mjs [--overlay dev|prod] [--context NAME]
// Objects in the namespace `parley` need it to exist there; the kinds of KEDA and the Gateway API need their definitions.

const DEADLINE_MS = 2 * 60_000;

async function main(signal) {
  const { values } = parseArgs({
    options: { overlay: { type: "string", default: "dev" }, context: { type: "string" } },
  });
  const kubectl = findProgram(["kubectl"]);
  if (kubectl === undefined) return { code: 1, text: "There is no kubectl here: install it first." };
  const overlay = path.join("deploy/k8s/overlays", values.overlay);
  const context = values.context === undefined ? [] : ["--context", values.context];
  const args = [
    ...context,
    "apply",
    "--dry-run=server",
    "--server-side",
    "--field-manager=parley-check",
    "-k",
    overlay,
  ];
  const { code, output } = await run(kubectl, args, { cwd: root, timeoutMs: DEADLINE_MS, signal });
  return { code: code ?? 1, text: output.trimEnd() };
}

const { code, text } = await main(AbortSignal.timeout(DEADLINE_MS));
process.stdout.write(`${text}\n`);
process.exitCode = code;
