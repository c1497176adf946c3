import { createLogger } from "@parley/runtime";
import { describe, expect, it } from "vitest";
import { createLogLimit } from "../src/log-limit.ts";

describe("repeated warnings", () => {
  it("are written twenty times, and the line after ten seconds says how many were not", () => {
    let nowMs = 0;
    const limit = createLogLimit(() => nowMs);
    const passed = Array.from({ length: 100 }, () => limit("the broker is away").passes).filter(Boolean);
    expect(passed).toHaveLength(20);
    expect(limit("something else")).toEqual({ passes: true, dropped: 0 });
    nowMs = 10_001;
    expect(limit("the broker is away")).toEqual({ passes: true, dropped: 80 });
    expect(limit("the broker is away")).toEqual({ passes: true, dropped: 0 });
  });

  it("are limited by the logger; lines for information are not", () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const log = createLogger({ service: "edge", level: "info", format: "json", destination });
    for (let i = 0; i < 50; i++) {
      log.warn({ i }, "a frame was refused");
      log.child({ connection: i }).error("a frame was refused");
      log.info({ i }, "ready");
    }
    expect(lines.filter((line) => line.includes("refused"))).toHaveLength(20);
    expect(lines.filter((line) => line.includes("ready"))).toHaveLength(50);
  });
});
