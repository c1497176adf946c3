// node scripts/setup/install.mjs: installs the packages if they are missing or stale, and does nothing else.
import { checkNodeVersion } from "./node-version.mjs";
import { sayWaiting } from "./infrastructure.mjs";
import { ensurePackages } from "./packages.mjs";
import { withSetupLock } from "./run-records.mjs";
import { describeFailure } from "./setup-error.mjs";

try {
  checkNodeVersion();
  await withSetupLock(() => ensurePackages({}), { onWait: sayWaiting });
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}
