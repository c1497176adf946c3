import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pendingApprovals } from "@parley/protocol";
import { eventually, startSystem, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import {
  inventoryDocument,
  inventoryOperations,
  startHttpService,
} from "../../services/tool-worker/test/http-tools/inventory.ts";
import { person } from "./person.ts";

/** A system whose tool worker has the tools of an inventory, and no others but those that are shipped. */
async function startInventory() {
  const service = await startHttpService(({ method }) =>
    method === "GET" ? { body: '{"id":"7","name":"bolt","count":3}' } : { status: 201, body: '{"id":"8"}' },
  );
  const folder = await tempDir();
  await writeFile(path.join(folder.path, "inventory.openapi.json"), JSON.stringify(inventoryDocument));
  const file = { document: "inventory.openapi.json", base_url: service.url, private_addresses: true };
  const settings = {
    ...file,
    auth: { bearer: "env:INVENTORY_TOKEN" },
    user_header: "X-User",
    operations: inventoryOperations,
  };
  await writeFile(path.join(folder.path, "inventory.yaml"), JSON.stringify(settings));
  const toolEnv = { HTTP_TOOLS_DIR: folder.path, INVENTORY_TOKEN: "very-secret-token" };
  const system = await startSystem({
    env: { "tool-worker": toolEnv, "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" } },
  });
  return {
    ...{ service, system },
    async [Symbol.asyncDispose]() {
      await system[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

it(
  "answers a question with a service's operation, and changes something there when a person agrees",
  { timeout: 60_000 },
  async () => {
    await using inventory = await startInventory();
    const { service, system } = inventory;
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const question = await chat.send('/sim tool=inventory_getItem args={"id":"7"}');
    const end = await chat.untilEnd(question.turn_id);
    expect(end).toMatchObject({
      type: "complete",
      tool_calls: [{ tool_name: "inventory_getItem", status: "completed" }],
    });
    expect(end.tool_calls[0]?.result).toContain('"name": "bolt"');
    expect(service.received).toMatchObject([
      { method: "GET", url: "/items/7", headers: { authorization: "Bearer very-secret-token" } },
    ]);

    const change = await chat.send('/sim tool=inventory_createItem args={"body":{"name":"nut","count":5}}');
    await eventually(() => pendingApprovals(chat.view).length === 1, { what: "the question", timeoutMs: 20_000 });
    const [asked] = pendingApprovals(chat.view);
    expect(asked?.call.approval?.preview?.text).toBe(
      `POST ${service.url}/items\ncontent-type: application/json\nX-User: anna\n\n{\n  "name": "nut",\n  "count": 5\n}`,
    );
    expect(service.received).toHaveLength(1);
    await chat.approve(asked!.call.call_id, true);
    expect(await chat.untilEnd(change.turn_id)).toMatchObject({
      type: "complete",
      tool_calls: [{ tool_name: "inventory_createItem", status: "completed" }],
    });
    expect(service.received.slice(1)).toMatchObject([
      { method: "POST", url: "/items", body: '{"name":"nut","count":5}' },
    ]);
  },
);
