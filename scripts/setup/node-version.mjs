import { SetupError } from "./setup-error.mjs";

const LEAST = [20, 19];

export function checkNodeVersion(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) return;
  throw new SetupError(
    `Parley needs Node ${LEAST.join(".")} or newer and this is Node ${version}: ` +
      "install a current one from https://nodejs.org (or `nvm install 24`) and run the command again.",
  );
}
