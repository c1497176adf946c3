import { writeFileSync } from "node:fs";
import { protocolPage } from "./page.ts";

// Usage: npm run gen
writeFileSync(new URL("../../docs/protocol.md", import.meta.url), protocolPage());
console.log("docs/protocol.md is written");
