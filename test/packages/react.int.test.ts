import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { tempDir } from "@parley/testkit";
import { installPacked } from "./packed-client.ts";

const run = promisify(execFile);

test("what docs/react.md packs is all that its hooks need: they render on a server, from a folder that has nothing else", async () => {
  await using folder = await tempDir();
  await installPacked(folder.path, {
    page: "docs/react.md",
    needs: ["zod", "zustand", "react", "react-dom", "scheduler"],
  });
  const script = `import { createElement as make } from "react";
import { renderToString } from "react-dom/server";
import { createClient } from "@parley/client";
import { ParleyProvider, useConnection, useConversation, useMessages } from "@parley/react";
const Chat = () => \`\${useMessages(useConversation("c")).length} \${useConnection().state.name}\`;
const client = createClient({ url: "ws://x", WebSocket: class {} });
console.log(renderToString(make(ParleyProvider, { client }, make(Chat))));
`;
  await writeFile(path.join(folder.path, "page.mjs"), script);
  const { stdout } = await run(process.execPath, ["page.mjs"], { cwd: folder.path });
  expect(stdout.trim()).toBe("0 idle");
}, 120_000);
