import { writeFileSync } from "node:fs";
import { createLogger } from "@parley/runtime";
import { loadMcpFile } from "../../../src/mcp/mcp-file.ts";
import { openMcpTools } from "../../../src/mcp/mcp-tools.ts";

const [file = "", ready = ""] = process.argv.slice(2);
const servers = await loadMcpFile(file, process.env);
const mcp = openMcpTools({
  servers,
  onChange: () => mcp.problems().length <= servers.length && writeFileSync(ready, "ready"),
  log: createLogger({ service: "worker", level: "warn", format: "json" }),
});
setInterval(() => {}, 60_000);
