import { build } from "./build.mjs";
import { sayWaiting } from "./infrastructure.mjs";
import { checkNodeVersion } from "./node-version.mjs";
import { ensurePackages } from "./packages.mjs";
import { withSetupLock } from "./run-records.mjs";
import { findNodeForUws } from "./uws-binary.mjs";

/**
 * Node, packages and build: what the scripts of this repository need first. Returns the Node, as a path, that is to run what
 * they start: this one, unless an edge is needed and this one cannot run it.
 */
export async function prepare({ needsBuild = true, needsEdge = false, signal }) {
  checkNodeVersion();
  return withSetupLock(
    async () => {
      await ensurePackages({ signal });
      const node = needsEdge ? await findNodeForUws({ signal }) : process.execPath;
      if (needsBuild) await build({ signal });
      return node;
    },
    { signal, onWait: sayWaiting },
  );
}
