import { createA2aRoutes } from "./facades/a2a/routes.ts";
import { createAgUiRoutes } from "./facades/ag-ui/routes.ts";
import { createAiSdkRoutes } from "./facades/ai-sdk/routes.ts";
import { createChatCompletionsRoutes } from "./facades/chat-completions/routes.ts";
import { createDurableStreamsRoutes } from "./facades/durable-streams/routes.ts";
import { createMcpRoutes } from "./facades/mcp/routes.ts";
import { createResponsesRoutes } from "./facades/responses/routes.ts";
import { createResponsesSocket } from "./facades/responses/socket.ts";
import type { Facade, SocketFacade } from "./transport/facade.ts";

/** The protocols of others that this edge speaks over HTTP. */
export const facades: readonly Facade[] = [
  createAiSdkRoutes,
  createChatCompletionsRoutes,
  createResponsesRoutes,
  createMcpRoutes,
  createAgUiRoutes,
  createA2aRoutes,
  createDurableStreamsRoutes,
];

/** Those that it speaks over sockets, beside the dialects that every socket may have. */
export const socketFacades: readonly SocketFacade[] = [createResponsesSocket];
