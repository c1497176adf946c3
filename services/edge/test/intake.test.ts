import { subjects } from "@parley/protocol";
import type { StoredMessage } from "@parley/bus";
import { describe, expect, it } from "vitest";
import { createIntake } from "../src/hub/intake.ts";

function at(channel: string, seq: number, previous: number): StoredMessage {
  return { subject: subjects.agent(0, "conv", "turn").replace(/a$/, channel), seq, previous, data: new Uint8Array() };
}

function intakeAt(seq: number, ...taken: StoredMessage[]) {
  const intake = createIntake();
  intake.reset(seq);
  for (const message of taken) intake.take(message);
  return intake;
}

describe("a live message", () => {
  it("is the next one when the one before it on its subject was taken, or is older than we are", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("user", 102, 0));
    expect(intake.judge(at("a", 105, 101))).toBe("next");
    expect(intake.judge(at("tool.k", 105, 0))).toBe("next");
    expect(intake.judge(at("ctl", 105, 100))).toBe("next");
  });

  it("shows a hole when the one before it was not taken", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("user", 102, 0));
    expect(intake.judge(at("a", 105, 104))).toBe("hole");
    expect(intake.wholeUpTo(at("a", 105, 104))).toBe(101);
    expect(intake.judge(at("toolp.k", 105, 101))).toBe("hole");
    expect(intake.wholeUpTo(at("toolp.k", 105, 101))).toBe(100);
  });

  it("is old when it, or a later one, was taken", () => {
    const intake = intakeAt(100, at("a", 101, 0));
    expect([99, 100, 101].map((seq) => intake.judge(at("a", seq, 0)))).toEqual(["old", "old", "old"]);
  });

  it("is late when it was not taken, but a later one was", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("a", 105, 101));
    expect(intake.judge(at("user", 103, 0))).toBe("late");
    expect(intake.judge(at("user", 100, 0))).toBe("old");
  });

  it("names its turn", () => {
    expect(intakeAt(0).take(at("a", 1, 0))).toBe("turn");
  });
});

describe("a message that is read again", () => {
  it("was missed when later ones were taken before it", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("user", 104, 0));
    expect(intake.wasMissed(at("a", 103, 101))).toBe(true);
    expect(intake.wasMissed(at("a", 101, 0))).toBe(false);
    expect(intake.wasMissed(at("a", 105, 103))).toBe(false);
    expect(intake.wasMissed(at("tool.k", 103, 0))).toBe(true);
  });
});

describe("subjects that are forgotten", () => {
  it("may go on without a hole being seen, but not without one that is new", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("user", 110, 0));
    intake.forget(105);
    expect(intake.judge(at("a", 111, 101))).toBe("next");
    expect(intake.judge(at("a", 111, 106))).toBe("hole");
    expect(intake.judge(at("user", 111, 110))).toBe("next");
  });
});
