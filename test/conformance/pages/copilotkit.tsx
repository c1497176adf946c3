import {
  CopilotChat,
  CopilotKit,
  defineToolCallRenderer,
  useAgent,
  useCopilotKit,
  useInterrupt,
} from "@copilotkit/react-core/v2";
import { createRoot } from "react-dom/client";
import { z } from "zod";

// CopilotKit's own chat against Parley's addresses, without its runtime. `edge`, `thread`, `token` and `single` come with the address.
const asked = new URL(location.href).searchParams;
const edge = asked.get("edge") ?? "";
const token = asked.get("token") ?? "";

const anyCall = defineToolCallRenderer({
  name: "*",
  args: z.any(),
  render: ({ name, status, result }: { name: string; status: string; result?: unknown }) => (
    <p data-testid="call">
      {name} {status} {typeof result === "string" ? result : ""}
    </p>
  ),
});

function Approval(): null {
  useInterrupt({
    render: ({ interrupt, resolve, cancel }) => (
      <div data-testid="interrupt">
        <p>{interrupt?.message}</p>
        <button type="button" onClick={() => void resolve({ approved: true })}>
          Agree
        </button>
        <button type="button" onClick={() => void cancel()}>
          Turn away
        </button>
      </div>
    ),
  });
  return null;
}

/** What CopilotKit does not do by itself when its connection breaks. */
function ComeBack() {
  const { copilotkit } = useCopilotKit();
  const { agent } = useAgent();
  return (
    <>
      <button type="button" onClick={() => void copilotkit.connectAgent({ agent })}>
        Come back
      </button>
      <p data-testid="state">{agent.isRunning ? "running" : "idle"}</p>
    </>
  );
}

createRoot(document.querySelector("#root") as HTMLElement).render(
  <CopilotKit
    runtimeUrl={`${edge}/api/copilotkit`}
    headers={{ authorization: `Bearer ${token}` }}
    renderToolCalls={[anyCall]}
    useSingleEndpoint={asked.has("single")}
    enableInspector={false}
    onError={({ code }) => console.info(`onError ${code}`)}
  >
    <CopilotChat threadId={asked.get("thread") ?? undefined} />
    <Approval />
    <ComeBack />
  </CopilotKit>,
);
