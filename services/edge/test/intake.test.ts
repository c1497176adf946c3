import type { StoredMessage } from "@parley/bus";
import { subjects } from "@parley/protocol";
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
    expect(intake.judge(at("toolp.k", 105, 101))).toBe("hole");
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

describe("an answer whose message has not come", () => {
  it("is early, and so is what its tools say", () => {
    const intake = intakeAt(100);
    for (const channel of ["a", "tool.k", "toolp.k"]) expect(intake.judge(at(channel, 105, 0))).toBe("early");
    for (const channel of ["user", "mark.100"]) expect(intake.judge(at(channel, 105, 0))).toBe("next");
    expect(intakeAt(100, at("user", 103, 0)).judge(at("a", 105, 0))).toBe("next");
  });

  it("is early also when something else came after it", () => {
    expect(intakeAt(100, at("ctl", 107, 0)).judge(at("a", 105, 0))).toBe("early");
  });

  it("is taken when the message is known not to be missing, or when the answer began before we did", () => {
    const intake = intakeAt(100);
    expect(intake.judge(at("a", 105, 99))).toBe("next");
    intake.grounds.add("turn");
    expect(intake.judge(at("a", 105, 0))).toBe("next");
    intake.reset(100);
    expect(intake.judge(at("a", 105, 0))).toBe("early");
  });
});

describe("an answer before whose end another one began", () => {
  const data = Buffer.from('{"type":"claimed"}');
  const of = (turn: string, channel: string, seq: number, previous = 0): StoredMessage => ({
    ...{ subject: subjects.agent(0, "conv", turn).replace(/a$/, channel), seq, previous, data },
  });

  it("is early until the end has come", () => {
    const intake = intakeAt(100, of("one", "user", 101), of("one", "a", 102), of("two", "user", 103));
    expect(intake.judge(of("two", "a", 110))).toBe("early");
    intake.grounds.ended("one");
    expect(intake.judge(of("two", "a", 110))).toBe("next");
  });

  it("is not when it was accepted before, was deleted, or waits and is cancelled", () => {
    const intake = intakeAt(100, of("two", "user", 101), of("one", "user", 102));
    expect(intake.judge(of("two", "a", 110))).toBe("next");
    expect(intake.judge(of("one", "a", 110))).toBe("early");
    expect(intake.judge({ ...of("one", "a", 110), data: Buffer.from('{"type":"cancelled"}') })).toBe("next");
    intake.deletedUpTo(101);
    expect(intake.judge(of("one", "a", 110))).toBe("next");
  });
});

describe("a late message", () => {
  it("is taken without hiding that later ones are missing, nor that others are late", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("a", 105, 101));
    intake.takeLate(at("user", 103, 0));
    expect(intake.last).toBe(105);
    expect(intake.judge(at("user", 103, 0))).toBe("old");
    expect(intake.judge(at("ctl", 102, 0))).toBe("late");
    expect(intake.judge(at("a", 107, 106))).toBe("hole");
  });

  it("shows a hole when the one before it on its subject is missing too", () => {
    const intake = intakeAt(100, at("toolp.k", 101, 0), at("a", 109, 0));
    expect(intake.judge(at("toolp.k", 105, 103))).toBe("hole");
  });
});

describe("a message that is read again", () => {
  it("was not taken when it is above the last one of its subject", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("user", 104, 0));
    const taken = [at("a", 103, 101), at("a", 101, 0), at("a", 105, 103), at("tool.k", 103, 0), at("tool.k", 100, 0)];
    expect(taken.map(intake.wasTaken)).toEqual([false, true, false, false, true]);
  });
});

describe("what was taken for certain", () => {
  it("is what the stream confirmed", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("user", 110, 0));
    expect(intake.sure).toBe(100);
    intake.confirm(108);
    expect([intake.sure, intake.last]).toEqual([108, 110]);
    intake.confirm(120);
    expect([intake.sure, intake.last]).toEqual([120, 120]);
  });

  it("is asked for when much has come since", () => {
    const intake = intakeAt(100);
    for (let seq = 101; seq <= 100 + 2_048; seq++) intake.take(at("a", seq, seq - 1));
    expect(intake.isUnsure).toBe(false);
    intake.take(at("a", 3_000, 2_148));
    expect([intake.isUnsure, intake.sure]).toEqual([true, 100]);
    intake.confirm(2_500);
    expect(intake.isUnsure).toBe(false);
  });
});

describe("subjects that are forgotten", () => {
  it("may go on without a hole being seen, but not without one that is new", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("user", 110, 0));
    intake.confirm(110);
    intake.forget(105, { all: true });
    expect(intake.judge(at("a", 111, 101))).toBe("next");
    expect(intake.judge(at("a", 111, 106))).toBe("hole");
    expect(intake.judge(at("user", 111, 110))).toBe("next");
  });

  it("are none that will be read again", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("user", 110, 0));
    intake.confirm(105);
    intake.forget(120, { all: true });
    expect([at("a", 101, 0), at("user", 110, 0)].map(intake.wasTaken)).toEqual([false, true]);
  });

  it("are few: what comes late is not taken for old because the ring let go of what came before it", () => {
    const intake = intakeAt(100, at("a", 101, 0), at("user", 110, 0));
    intake.confirm(110);
    intake.forget(110);
    expect(intake.judge(at("tool.k", 105, 0))).toBe("late");
    intake.forget(110, { all: true });
    intake.grounds.add("turn");
    expect(intake.judge(at("tool.k", 106, 0))).toBe("late");
    expect(intake.judge(at("tool.k", 100, 0))).toBe("old");
  });
});
