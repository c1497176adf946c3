import { expect, it } from "vitest";
import { parseAckSubject } from "../src/ack-subject.ts";

const place = { deliveries: 2, seq: 1_017, nth: 3, storedMs: 1_795_885_017_733 };

it.each([
  ["with stream and consumer", "$JS.ACK.TURNS.workers.2.1017.3.1795885017733000000.5"],
  ["with domain and account before them", "$JS.ACK._.0f3a.TURNS.workers.2.1017.3.1795885017733000000.5.t0ken"],
  ["without the last token", "$JS.ACK.hub.0f3a.TURNS.workers.2.1017.3.1795885017733000000.5"],
])("an acknowledgement subject %s says where the message stands", (_form, subject) => {
  expect(parseAckSubject(subject)).toEqual(place);
});
