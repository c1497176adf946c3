import { say } from "./progress.mjs";

/** Whether help is asked for. It is given before anything is looked for, installed or built. */
function asksForHelp(args) {
  return args.includes("--help") || args.includes("-h");
}

/** Ends the process with the usage if that is asked for. */
export function giveHelp(args, usage) {
  if (!asksForHelp(args)) return;
  say(usage);
  process.exit(0);
}
