import { brokers } from "./brokers.mjs";
import { findProgram } from "./commands.mjs";
import { phase } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";
import { canInstall, installAdvice, installPackages } from "./system-packages.mjs";

/**
 * The programs of NATS and Redis. Tests need these, not just servers that answer: they kill, freeze and restart them.
 * Returns the environment that tells testkit where they are.
 */
export async function ensureBrokerPrograms({ signal, env = process.env }) {
  return phase("broker programs", async (note) => {
    const missing = () => brokers.filter((each) => !env[each.binVariable] && findProgram(each.programs) === undefined);
    if (missing().length > 0 && canInstall()) {
      await installPackages(
        missing().map((each) => each.debianPackage),
        { note, signal },
      );
    }
    if (missing().length > 0) {
      const packages = missing().map((each) => each.debianPackage);
      throw new SetupError(
        `The tests start ${packages.join(" and ")} of their own: install (${installAdvice(packages)}).`,
      );
    }
    const found = brokers.map((each) => [each.binVariable, env[each.binVariable] || findProgram(each.programs)]);
    return { text: found.map(([, program]) => program).join(", "), value: Object.fromEntries(found) };
  });
}
