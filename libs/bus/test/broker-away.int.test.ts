import { connectNats } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { eventually, signedIn, startNats, wantsRoles } from "@parley/testkit";
import { expect, it } from "vitest";

const away = "the broker cannot be reached; it is tried again until it can";

function collectingLog() {
  const lines: string[] = [];
  const destination = { write: (line: string): unknown => lines.push(line) };
  return { lines, log: createLogger({ service: "test", level: "info", format: "json", destination }) };
}

it("says where it looks for a broker that is not there, without user and password, and not for every try", async () => {
  await using nats = await startNats();
  await nats.kill("SIGKILL");
  const { lines, log } = collectingLog();
  const servers = wantsRoles() ? signedIn(nats.url, "edge") : nats.url.replace("//", "//edge:hush@");
  const connecting = connectNats({ servers, name: "test", log });
  await eventually(() => lines.some((line) => line.includes(away)), { what: "a line", timeoutMs: 10_000 });
  await nats.restart();
  const { nc } = await connecting;
  try {
    expect(lines.filter((line) => line.includes(away))).toHaveLength(1);
    expect(lines.join("")).toContain(`127.0.0.1:${nats.port}`);
    expect(lines.join("")).not.toContain("edge:");
    expect(lines.join("")).not.toContain(new URL(servers).password);
  } finally {
    await nc.close();
  }
});

it("says it too when the broker goes and does not come back", async () => {
  await using nats = await startNats();
  const { lines, log } = collectingLog();
  const { nc } = await connectNats({ servers: nats.url, name: "test", log });
  try {
    await nats.kill("SIGKILL");
    await eventually(() => lines.some((line) => line.includes(away)), { what: "a line", timeoutMs: 10_000 });
  } finally {
    await nc.close();
  }
});
