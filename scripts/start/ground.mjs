import { otherRuns, deadRuns } from "../setup/run-records.mjs";
import { phase } from "../setup/progress.mjs";
import { portProblem } from "../setup/ports.mjs";
import { SetupError } from "../setup/setup-error.mjs";
import { removeLeftovers } from "./leftovers.mjs";

/** Says so now, not after minutes of set-up, when the edge's port cannot be had. */
export async function checkEdgePort(port) {
  const problem = await portProblem(port);
  if (problem === undefined) return;
  if (problem === "EACCES") {
    throw new SetupError(`This user may not open port ${port}: use one above 1023, e.g. PORT=8000 npm start.`);
  }
  const other = otherRuns().find((run) => run.port === port);
  const holder = other === undefined ? "another program" : `the \`npm start\` that is process ${other.pid}`;
  throw new SetupError(
    `Port ${port} is in use by ${holder}: stop that, or take another port: PORT=${port + 10} npm start.`,
  );
}

/** Ends what killed runs have left: it would hold the ports. */
export async function removeDeadRuns() {
  for (const record of deadRuns()) {
    await phase("leftovers", async () => {
      await removeLeftovers(record);
      return { text: `removed what process ${record.pid} had left` };
    });
  }
}

/** A second run beside the first must not write over its logs. */
export function logSuffix(port) {
  return otherRuns().length === 0 ? "" : `-${port}`;
}
