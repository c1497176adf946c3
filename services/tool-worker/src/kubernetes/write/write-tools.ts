import type { Tool } from "../../tools/tool.ts";
import { createApplyManifest, createDiffManifest } from "./apply-manifest.ts";
import { createCordon } from "./cordon.ts";
import { createCreateNamespace } from "./create-namespace.ts";
import { createDelete } from "./delete-object.ts";
import { createExec, type CommandRule } from "./exec.ts";
import { createPatch } from "./patch-object.ts";
import { createRolloutUndo } from "./rollout-undo.ts";
import { createRolloutRestart, createSetImage } from "./rollouts.ts";
import { createScale } from "./scale.ts";
import { withSeedNames } from "../seed-names.ts";
import type { WriteDeps } from "./target.ts";

export interface WriteOptions extends WriteDeps {
  /** Commands that may be run in pods; none: the tool that runs them is not there. */
  readonly commands: CommandRule;
}

/** Tools that change clusters, and the one that says what a manifest would change. Each asks the cluster first and is bound to what people were shown. */
export function createWriteTools({ commands, ...deps }: WriteOptions): Tool[] {
  return withSeedNames([
    createDiffManifest(deps),
    createApplyManifest(deps),
    createScale(deps),
    createRolloutRestart(deps),
    createRolloutUndo(deps),
    createSetImage(deps),
    createPatch(deps),
    createDelete(deps),
    createCordon(deps),
    createCreateNamespace(deps),
    ...(commands.length === 0 ? [] : [createExec(deps, commands)]),
  ]);
}
