// node scripts/install.mjs: installs the packages if they are missing or stale, and does nothing else.
import { checkNodeVersion } from "./setup/node-version.mjs";
import { sayWaiting } from "./setup/infrastructure.mjs";
import { ensurePackages } from "./setup/packages.mjs";
import { withSetupLock } from "./setup/run-records.mjs";
import { describeFailure } from "./setup/setup-error.mjs";

try {
  checkNodeVersion();
  await withSetupLock(() => ensurePackages({}), { onWait: sayWaiting });
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}
