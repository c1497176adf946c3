import path from "node:path";
import { expect, it } from "vitest";
import { loadAgents } from "../../src/agents/load-agents.ts";
import { createRouter } from "../../src/routing/router.ts";

const folder = path.resolve(import.meta.dirname, "../../../../config/agents");
const route = createRouter(await loadAgents({ folder, collections: ["vehicle-manual", "kubernetes-runbook"] }));

it.each(["1", " 2.", "3)", "12"])("the number of an answer that was offered, %s, goes to who offered it", (message) => {
  for (const previousAgent of ["troubleshooting", "maintenance", "kubernetes"])
    expect(route({ message, previousAgent })).toMatchObject({ agent: { name: previousAgent }, method: "previous" });
});

it("without an answer before it is nobody's", () => {
  expect(route({ message: "1" })).toMatchObject({ agent: { name: "general" }, method: "default" });
});
