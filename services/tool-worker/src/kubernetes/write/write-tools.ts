import type { Tool } from "../../tools/tool.ts";
import { createApplyManifest, createDiffManifest } from "./apply-manifest.ts";
import { createCordon } from "./cordon.ts";
import { createCreateNamespace } from "./create-namespace.ts";
import { createDelete } from "./delete-object.ts";
import { createPatch } from "./patch-object.ts";
import { createRolloutUndo } from "./rollout-undo.ts";
import { createRolloutRestart, createSetImage } from "./rollouts.ts";
import { createScale } from "./scale.ts";
import type { WriteDeps } from "./target.ts";

/** Tools that change clusters, and the one that says what a manifest would change. Each asks the cluster first and is bound to what people were shown. */
export function createWriteTools(deps: WriteDeps): Tool[] {
  return [
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
  ];
}
