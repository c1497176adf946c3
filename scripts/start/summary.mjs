import path from "node:path";
import { logsDir, root } from "../setup/paths.mjs";
import { say, table } from "../setup/progress.mjs";

function withoutPassword(url) {
  return url.replaceAll(/\/\/[^/@]*@/g, "//***@");
}

/** What runs where. */
export function sayTable(processes, urls) {
  const rows = [["process", "pid", "address", "what"]];
  for (const { spec, pid } of processes) rows.push([spec.name, pid() ?? "-", spec.address, spec.what]);
  rows.push(["nats", "-", withoutPassword(urls.nats), "requests and events"]);
  rows.push(["redis", "-", withoutPassword(urls.redis), "tool queue, tools on offer, lists of conversations"]);
  say();
  for (const line of table(rows)) say(line);
  say();
}

/** The last lines of the start: where to look, and how to end it. */
export function sayAddress(port, hasEdge) {
  say(`  Logs are in ${path.relative(root, logsDir)}; Ctrl-C stops everything.`);
  if (!hasEdge) return say("  Parley runs without an edge: there is no page to open.");
  say(`  Test page: http://localhost:${port}/ws/test`);
  say();
  return say(`  Parley is ready: http://localhost:${port}/`);
}
