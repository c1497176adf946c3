import { goBuild } from "./go-build.mjs";

// Builds kustomize with Go into .tools, for rendering the overlays where neither it nor kubectl is installed.

const VERSION = "v5.7.1";
const COMMAND = "sigs.k8s.io/kustomize/kustomize/v5";

const problem = await goBuild({
  name: "kustomize",
  goMod: `module tools\n\ngo 1.24\n\nrequire ${COMMAND} ${VERSION}\n`,
  source: `//go:build tools\n\npackage tools\n\nimport _ "${COMMAND}"\n`,
  command: COMMAND,
});
if (problem === undefined) process.stdout.write(`.tools/kustomize is ${VERSION}\n`);
else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
