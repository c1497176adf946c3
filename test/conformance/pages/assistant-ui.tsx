import { HttpAgent } from "@ag-ui/client";
import {
  AssistantRuntimeProvider,
  ComposerPrimitive,
  MessagePrimitive,
  ThreadPrimitive,
  type ToolCallMessagePartProps,
} from "@assistant-ui/react";
import { useAgUiRuntime } from "@assistant-ui/react-ag-ui";
import { useMemo } from "react";
import { createRoot } from "react-dom/client";

// assistant-ui over AG-UI. `edge`, `thread` and `token` come with the address.
const asked = new URL(location.href).searchParams;
const edge = asked.get("edge") ?? "";
const threadId = asked.get("thread") ?? "main";
const headers = { authorization: `Bearer ${asked.get("token") ?? ""}` };

function Call({ toolName, result, approval, respondToApproval }: ToolCallMessagePartProps) {
  return (
    <div data-testid="call">
      {toolName} {result === undefined ? "runs" : JSON.stringify(result)}
      {approval !== undefined && approval.approved === undefined && (
        <p data-testid="approval">
          {approval.prompt}
          <button type="button" onClick={() => respondToApproval?.({ approved: true })}>
            Agree
          </button>
          <button type="button" onClick={() => respondToApproval?.({ approved: false })}>
            Deny
          </button>
        </p>
      )}
    </div>
  );
}

function Message() {
  return (
    <MessagePrimitive.Root data-testid="message">
      <MessagePrimitive.Parts components={{ tools: { Fallback: Call } }} />
    </MessagePrimitive.Root>
  );
}

function App() {
  const agent = useMemo(() => new HttpAgent({ url: `${edge}/api/ag-ui`, threadId, headers }), []);
  const runtime = useAgUiRuntime({
    agent,
    // A client that goes away stops nothing: this does.
    onCancel: () =>
      void fetch(`${edge}/api/ag-ui/stop/${threadId}`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
      }),
    onError: (error) => console.info(`onError ${error.message}`),
  });
  // With what there is of the answer: then it is known that nothing new is asked.
  const comeBack = (): void =>
    runtime.thread.startRun({ parentId: runtime.thread.getState().messages.at(-1)?.id ?? null });
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <ThreadPrimitive.Root>
        <ThreadPrimitive.Messages components={{ Message }} />
        <ComposerPrimitive.Root>
          <ComposerPrimitive.Input data-testid="input" />
          <ThreadPrimitive.If running={false}>
            <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
          </ThreadPrimitive.If>
          <ThreadPrimitive.If running>
            <ComposerPrimitive.Cancel>Stop</ComposerPrimitive.Cancel>
          </ThreadPrimitive.If>
        </ComposerPrimitive.Root>
      </ThreadPrimitive.Root>
      <button type="button" onClick={comeBack}>
        Come back
      </button>
    </AssistantRuntimeProvider>
  );
}

createRoot(document.querySelector("#root") as HTMLElement).render(<App />);
