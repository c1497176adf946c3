import fc from "fast-check";
import { expect, test } from "vitest";
import { createClient, messages, pendingApprovals, textOf, type Socket } from "@parley/client";
import { queue } from "@parley/client/queue";
import { anyFrame, brokenFrame } from "../../protocol/test/any-frame.ts";

/** A socket that is there, and says what the test says. */
class TestSocket implements Socket {
  static last: TestSocket | undefined;
  readonly listeners = new Map<string, (event: never) => void>();
  constructor() {
    TestSocket.last = this;
  }
  send(): void {}
  close(): void {}
  addEventListener(type: string, listener: (event: never) => void): void {
    this.listeners.set(type, listener);
  }
}

function startClient() {
  const client = createClient({ url: "ws://server", WebSocket: TestSocket });
  void client.connect();
  const listeners = TestSocket.last?.listeners;
  const listenerOf = (type: string): ((event: object) => void) => {
    const listener = listeners?.get(type);
    if (listener === undefined) throw new Error("the client does not listen");
    return (event) => Reflect.apply(listener, undefined, [event]);
  };
  listenerOf("open")({});
  const receive = listenerOf("message");
  const say = (frame: unknown): void => receive({ data: JSON.stringify(frame) });
  say({ type: "welcome", auth_required: false, heartbeat_ms: 20_000 });
  const conversation = client.conversation("c1");
  conversation.send("hi", { id: "t1" }).catch(() => undefined);
  conversation.approve("t1-0-0", true).catch(() => undefined);
  conversation.setTitle("text").catch(() => undefined);
  return { client, conversation, say, receive };
}

test("whatever frames come, the client reads on, and its selectors show what they can", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(anyFrame, brokenFrame), { maxLength: 12 }), (frames) => {
      const { client, conversation, say } = startClient();
      for (const frame of frames) say(frame);
      const { view } = conversation;
      for (const message of messages(view)) textOf(message);
      queue(view);
      pendingApprovals(view);
      conversation.outgoing();
      client.close();
    }),
    { numRuns: 40 },
  );
});

test.each([["not JSON"], ["{}"], ["null"], ["[]"], [new ArrayBuffer(8)], [undefined]])(
  "what is no frame (%s) is passed over",
  (data) => {
    const { client, receive } = startClient();
    receive({ data });
    expect(client.state.name).toBe("ready");
    client.close();
  },
);
