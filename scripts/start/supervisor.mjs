import path from "node:path";
import { logsDir } from "../setup/paths.mjs";
import { sayOf } from "../setup/progress.mjs";
import { createLogFile } from "./log-file.mjs";
import { serviceNames } from "./options.mjs";
import { createServiceProcess } from "./service-process.mjs";

const STOP_DEADLINE_MS = 10_000;
/** What is left for the last ones when the first have used it all up. */
const LEAST_STOP_MS = 1000;

async function stopOne(process, deadlineMs) {
  if (!(await process.stop(deadlineMs))) sayOf(process.spec.name, "did not stop in time and was killed");
}

/** Owns the processes of this run, which run on `node`. `onChange` is told their numbers whenever these change. */
export function createSupervisor({ node, verbose, logSuffix, onChange }) {
  const groups = [];
  const logs = [];
  const all = () => groups.flat();
  const report = () => onChange(all().map(({ spec, pid }) => ({ name: spec.name, pid: pid() })));

  function create(spec) {
    const log = createLogFile(path.join(logsDir, `${spec.name}${logSuffix}.log`));
    logs.push(log);
    return createServiceProcess(spec, { node, log, verbose, onChange: report });
  }

  return {
    processes: all,
    /** Starts these together; resolves when all are ready, rejects when one is not. */
    async startGroup(specs) {
      const group = specs.map(create);
      groups.push(group);
      await Promise.all(group.map((each) => each.start()));
    },
    /** Stops edges first, then workers, then simulators: about ten seconds for all of them together. */
    async stop() {
      const endsAt = Date.now() + STOP_DEADLINE_MS;
      for (const service of serviceNames.toReversed()) {
        const leftMs = Math.max(endsAt - Date.now(), LEAST_STOP_MS);
        const those = all().filter(({ spec }) => spec.service === service);
        await Promise.all(those.map((each) => stopOne(each, leftMs)));
      }
      for (const log of logs) log.close();
    },
    /** Ends everything at once. */
    kill() {
      for (const each of all()) each.kill();
    },
  };
}
