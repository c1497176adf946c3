import { runSourceCli } from "./setup/source-cli.mjs";

const usage = `Usage: npm run config -- check|print [SERVICE|all] [--env-file FILE]
       npm run config -- docs

  check  every problem that would end a process at its start; exit code 1 if there is one
  print  what would be in force, without secrets
  docs   writes docs/configuration.md

  all    edge, agent-worker and tool-worker, also when nothing is named; the simulators only by name
  --env-file FILE  only what stands there, not the environment of this shell`;

await runSourceCli("config/main.ts", usage);
