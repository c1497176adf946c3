/** What the AI SDK makes of whole streams, and what it finds wrong with messages. Input: `major`, `streams` (lists of chunks), `chats` (lists of messages). */
const { major, streams, chats } = JSON.parse(process.argv[2] ?? "{}");
const { readUIMessageStream, validateUIMessages } = await import(`ai-${major}`);

async function folded(chunks) {
  let last;
  const stream = ReadableStream.from(chunks);
  for await (const message of readUIMessageStream({ stream, onError: () => {} })) last = message;
  return last;
}

async function faultOf(messages) {
  try {
    await validateUIMessages({ messages });
    return [];
  } catch (error) {
    return [String(error).slice(0, 2_000)];
  }
}

const messages = await Promise.all(streams.map(folded));
const faults = (await Promise.all(chats.map(faultOf))).flat();
process.stdout.write(`${JSON.stringify({ type: "folded", messages, faults })}\n`);
