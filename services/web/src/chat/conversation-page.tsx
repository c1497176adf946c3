/** A conversation: its messages, what waits, and the box to write in. */
export function ConversationPage({ conversationId }: { readonly conversationId: string }) {
  return <p>{conversationId}</p>;
}
