import { findFolderProblems } from "./folder-rules.mjs";
import { findLockProblems } from "./lock-rules.mjs";
import { findTextProblems } from "./text-rules.mjs";
import { findWorkspaceProblems } from "./workspace-rules.mjs";

// Usage: node scripts/check/house-rules.mjs [root]
const root = process.argv[2] ?? process.cwd();
const problems = [
  ...findTextProblems(root),
  ...findFolderProblems(root),
  ...findWorkspaceProblems(root),
  ...findLockProblems(root),
];
for (const problem of problems) console.log(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
