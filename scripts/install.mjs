import { checkNodeVersion } from "./setup/node-version.mjs";
import { sayWaiting } from "./setup/infrastructure.mjs";
import { ensurePackages } from "./setup/packages.mjs";
import { withSetupLock } from "./setup/run-records.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: node scripts/install.mjs

  Installs the packages if they are missing or stale, and does nothing else.`;

giveHelp(process.argv.slice(2), usage);
try {
  checkNodeVersion();
  await withSetupLock(() => ensurePackages({}), { onWait: sayWaiting });
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}
