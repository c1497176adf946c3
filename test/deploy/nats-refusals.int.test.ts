import { openBus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { passwordOf, startNatsWithRoles } from "./nats-with-roles.ts";

it("says what to do where the broker refuses a right, as with the roles of another version", async () => {
  await using nats = await startNatsWithRoles("nats.conf", (text) =>
    text.replaceAll('"$JS.API.STREAM.CREATE.GATE"', ""),
  );
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ service: "test", level: "info", format: "json", destination });
  const servers = nats.url.replace("//", `//edge:${passwordOf("edge")}@`);
  const bus = await openBus({ servers, name: "test", log });
  await bus.gate.setUp().catch(() => undefined);
  await eventually(() => lines.some((line) => line.includes("the user in NATS_URL lacks a right")), { what: "a line" });
  expect(lines.find((line) => line.includes("lacks a right"))).toContain("GATE");
  await bus.close();
});
