import { describe, expect, it } from "vitest";
import { hasStreamMetadata, isTooOldForCluster } from "../src/broker-version.ts";
import { createStreamWatch } from "../src/stream-watch.ts";

describe("the version of a cluster", () => {
  it.each([
    ["2.9.10", true],
    ["2.11.10", true],
    ["1.99.0", true],
    ["2.12.0", false],
    ["2.12.15-RC.1", false],
    ["3.0.0", false],
    ["", true],
  ])("of %j is too old: %s", (version, isTooOld) => {
    expect(isTooOldForCluster(version)).toBe(isTooOld);
  });
});

describe("streams of a broker", () => {
  it.each([
    ["2.9.10", false],
    ["2.10.0", true],
    ["2.12.1", true],
    ["", false],
  ])("of version %j have metadata: %s", (version, has) => {
    expect(hasStreamMetadata(version)).toBe(has);
  });
});

type Answer = readonly [leader: string, lastSeq: number] | "no answer";

/** What the watch says about a stream that answers like this, one look after the other. */
async function disturbancesOf(answers: readonly Answer[]): Promise<number[]> {
  const stopping = new AbortController();
  const found: number[] = [];
  let looks = 0;
  const info = (): Promise<{ cluster: { leader: string }; state: { last_seq: number } }> => {
    const answer = answers[looks++] ?? "no answer";
    if (looks > answers.length) stopping.abort();
    if (answer === "no answer") return Promise.reject(new Error("timeout"));
    const [leader, last_seq] = answer;
    return Promise.resolve({ cluster: { leader }, state: { last_seq } });
  };
  const { signal } = stopping;
  const over = new Promise((resolve) => signal.addEventListener("abort", resolve));
  const jsm = { streams: { info } };
  createStreamWatch({ jsm, shards: 1, everyMs: 1 }).start((_, afterSeq) => found.push(afterSeq), signal);
  await over;
  return found;
}

describe("watching the streams of a cluster", () => {
  it("says nothing while one server leads", async () => {
    expect(
      await disturbancesOf([
        ["a", 10],
        ["a", 20],
        ["a", 30],
      ]),
    ).toEqual([]);
  });

  it("has what came since the last but one look read again when another one leads", async () => {
    expect(
      await disturbancesOf([
        ["a", 10],
        ["a", 20],
        ["a", 30],
        ["b", 35],
        ["b", 40],
      ]),
    ).toEqual([20]);
  });

  it("waits for an answer before it says that there was none", async () => {
    expect(await disturbancesOf([["a", 10], ["a", 20], "no answer", "no answer", ["a", 50], ["a", 60]])).toEqual([10]);
  });

  it("takes the word of a copy, while no server leads, for no answer", async () => {
    expect(
      await disturbancesOf([
        ["a", 10],
        ["a", 20],
        ["", 5],
        ["a", 50],
      ]),
    ).toEqual([10]);
  });

  it("never goes on above what the new leader has", async () => {
    expect(
      await disturbancesOf([
        ["a", 10],
        ["a", 20],
        ["b", 5],
      ]),
    ).toEqual([5]);
  });
});
