// @vitest-environment happy-dom
import { useConversation, useMembers, usePresence, useReactions, useReaders, useRoom, useTyping } from "@parley/react";
import type { ServerFrame } from "@parley/protocol";
import { expect, test } from "vitest";
import { said, snapshot, subscribed, token } from "./frames.ts";
import { afterFrames, renderInTests } from "./rendering.tsx";
import { createSetting } from "./scripted-socket.ts";

const render = renderInTests();
const ann = { id: "ann", name: "Ann" };
const bob = { id: "bob", name: "Bob" };

function People({ onRender }: { onRender: () => void }) {
  onRender();
  const conversation = useConversation("c1");
  const names = (people: readonly { readonly id: string }[]) => people.map(({ id }) => id).join(" ");
  const reactions = useReactions(conversation, "t1-u").map(({ reaction, by }) => `${reaction}${by.length}`);
  return [
    `rule ${useRoom(conversation)?.answers}`,
    `members ${names(useMembers(conversation))}`,
    `there ${usePresence(conversation)?.online}`,
    `write ${names(useTyping(conversation, "ann"))}`,
    `read ${names(useReaders(conversation, "t1-u"))}`,
    `reactions ${reactions.join(" ")}`,
  ].join(", ");
}

const conversation_id = "c1";
const room = {
  n: 1,
  owner: ann,
  members: [ann, bob].map((one, at) => ({ ...one, role: at === 0 ? "owner" : "writer", since: 0 })),
  member_count: 2,
  answers: "mention",
  agents: [],
  pins: [],
};
const changes = [{ message_id: "t1-u", n: 1, reactions: [{ reaction: "👍", by: [bob] }] }];
const signals: ServerFrame[] = [
  { type: "presence", conversation_id, users: [ann, bob], online: 2, agents: [] },
  { type: "typing", conversation_id, users: [ann, bob] },
  { type: "read", conversation_id, marks: [{ user: bob, message_id: "t1-u", ts: 1 }] },
];

test("a component shows who has a part, is there, writes and has read, and is not rendered for a token", async () => {
  const { client, receive, connect } = createSetting();
  await connect();
  let renders = 0;
  const { text } = await render(client, <People onRender={() => renders++} />);
  expect(text()).toBe("rule undefined, members , there undefined, write , read , reactions ");
  await afterFrames(() => receive(subscribed(0), { ...snapshot(1, "t1"), room, changes }, ...signals));
  expect(text()).toBe("rule mention, members ann bob, there 2, write bob, read bob, reactions 👍1");
  renders = 0;
  await afterFrames(() => receive(said(2, "t2", "Hello"), token(3, "t2", "Hi")));
  expect(renders).toBe(0);
});
