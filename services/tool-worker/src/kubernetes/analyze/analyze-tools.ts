import type { Tool } from "../../tools/tool.ts";
import type { Clusters } from "../clusters.ts";
import { createAnalyze } from "./analyze.ts";
import { createOwnerTree } from "./owner-tree.ts";

/** Tools that look at many objects at once. They only read. */
export function createAnalyzeTools(clusters: Clusters): Tool[] {
  return [createAnalyze(clusters), createOwnerTree(clusters)];
}
