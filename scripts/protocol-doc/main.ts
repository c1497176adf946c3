import { writeFileSync } from "node:fs";
import { protocolPage } from "./page.ts";

if (process.argv.includes("--help")) {
  console.log("Usage: npm run gen\n\n  Writes docs/protocol.md from the schemas.");
} else {
  writeFileSync(new URL("../../docs/protocol.md", import.meta.url), protocolPage());
  console.log("docs/protocol.md is written");
}
