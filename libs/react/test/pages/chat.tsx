import { createClient, textOf } from "@parley/client";
import { ParleyProvider, useConnection, useConversation, useMessages, useSend } from "@parley/react";
import { createRoot } from "react-dom/client";

const getToken = async () => (await fetch("/token")).text();
const client = createClient({ url: "/ws/chat", getToken });
void client.connect();

function Chat({ id }: { id: string }) {
  const conversation = useConversation(id);
  const { send, outgoing } = useSend(conversation);
  const said = useMessages(conversation).map((one) => <li key={one.message_id}>{textOf(one.parts)}</li>);
  const sending = outgoing.map((one) => <li key={one.id}>{`${one.text} (${one.status})`}</li>);
  const submit = (form: FormData) => {
    const text = form.get("text");
    if (typeof text === "string") send(text);
  };
  return (
    <form action={submit}>
      <ol>{[...said, ...sending]}</ol>
      <input name="text" aria-label="Message" autoComplete="off" />
      <output>{useConnection().state.name}</output>
    </form>
  );
}

const page = <Chat id={location.hash.slice(1) || "my-first-chat"} />;
createRoot(document.body).render(<ParleyProvider client={client}>{page}</ParleyProvider>);
