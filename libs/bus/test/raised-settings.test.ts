import { expect, test } from "vitest";
import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import { streams, subjects } from "@parley/protocol";
import { ackWaitFor, raisedTo } from "../src/raised-settings.ts";

const events = subjects.allEvents(0);

const found: StreamConfig = {
  name: streams.events(0),
  subjects: [events],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_consumers: -1,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  max_bytes: 1_000,
  max_age: 50,
  max_msg_size: -1,
  num_replicas: 1,
  duplicate_window: 10,
  allow_direct: true,
} as StreamConfig;

test("a stream that has all of it is left alone", () => {
  expect(raisedTo(found, { subjects: [events], max_age: 50, max_bytes: 1_000, num_replicas: 1 })).toBeUndefined();
});

test("limits, copies and windows are raised", () => {
  const raised = raisedTo(found, { max_age: 60, max_bytes: 2_000, num_replicas: 3, duplicate_window: 20 });
  expect(raised).toMatchObject({ max_age: 60, max_bytes: 2_000, num_replicas: 3, duplicate_window: 20 });
});

test("nothing that a newer version or an operator has set is lowered or taken away", () => {
  const newer = {
    ...found,
    subjects: [events, "new.>"],
    max_age: 0,
    max_bytes: -1,
    max_msgs_per_subject: -1,
    num_replicas: 3,
    duplicate_window: 99,
    compression: "s2",
  } as StreamConfig;
  const wanted = { subjects: [events], max_age: 50, max_bytes: 1_000, num_replicas: 1, duplicate_window: 10 };
  expect(raisedTo(newer, { ...wanted, max_msgs_per_subject: 8 })).toBeUndefined();
});

test("subjects are added beside those that are there", () => {
  const raised = raisedTo({ ...found, subjects: ["extra.*"] }, { subjects: [events] });
  expect(raised?.subjects).toEqual(["extra.*", events]);
});

const nobody = { delivered: 0, pullsWait: 0 };
const somebody = { delivered: 1, pullsWait: 0 };
const waiting = { delivered: 0, pullsWait: 2 };

test.each([
  ["longer, at once", 3_000, 20_000, somebody, false, 20_000],
  ["shorter, when no worker is there", 20_000, 3_000, nobody, false, 3_000],
  ["not shorter while a worker has turns", 20_000, 3_000, somebody, false, 20_000],
  ["not shorter while a worker waits for turns", 20_000, 3_000, waiting, false, 20_000],
  ["shorter, when older workers had time to go", 20_000, 3_000, somebody, true, 3_000],
  ["the same", 3_000, 3_000, somebody, false, 3_000],
])("sets the ack wait: %s", (_name, found, wanted, use, hadTime, result) => {
  expect(ackWaitFor(found, wanted, use, hadTime)).toBe(result);
});
