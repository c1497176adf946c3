import {
  A2aError,
  CardParams,
  ListParams,
  SendParams,
  TaskParams,
  createA2aSpeech,
  decodeParams,
  noSuchTask,
  type RpcId,
  type RpcRequest,
  type TaskPlace,
} from "@parley/dialects";
import { ChatError } from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";
import { jsonReply, type Reply } from "../../transport/reply.ts";
import type { Call } from "../../transport/route.ts";
import { createTaskListing } from "./listing.ts";
import { createSending } from "./sending.ts";
import { createTaskReading, taskOf, type KnownTask, type TaskReading } from "./tasks.ts";

/** A turn ends within moments of being told to, while there are workers. */
const cancelWithinMs = 10_000;

/** What each method answers: undefined where it streams. Throws A2aError and ChatError, which are its answer. */
type Method = (call: Call, request: RpcRequest) => Promise<Reply | undefined>;

/** `cardOf`: the card as the caller gets it. */
export function createMethods(deps: FacadeDeps, cardOf: (call: Call, agent: string | undefined) => Promise<object>) {
  const tasks = createTaskReading(deps);
  const sending = createSending({ ...deps, tasks });
  const list = createTaskListing({ ...deps, tasks });

  const answered =
    (method: (call: Call, params: unknown) => Promise<object>): Method =>
    async (call, { id, params }) =>
      jsonReply(200, { jsonrpc: "2.0", id, result: await method(call, params) });

  const methods: Readonly<Record<string, Method>> = {
    SendMessage: answered((call, params) => sending.send(call, decodeParams(SendParams, params))),
    SendStreamingMessage: (call, { id, params }) => sending.stream(call, id, decodeParams(SendParams, params)),
    GetTask: answered(async (call, params) => {
      const { id, historyLength } = decodeParams(TaskParams, params);
      return taskOf(await tasks.read(call, await tasks.find(call.caller, id)), { historyLength });
    }),
    ListTasks: answered((call, params) => list(call, decodeParams(ListParams, params))),
    CancelTask: answered((call, params) => cancelTask(deps, tasks, call, decodeParams(TaskParams, params))),
    SubscribeToTask: (call, { id, params }) =>
      subscribe(deps, tasks, call, { ...decodeParams(TaskParams, params), requestId: id }),
    GetExtendedAgentCard: answered(async (call, params) => {
      const agent = decodeParams(CardParams, params)?.tenant;
      return cardOf(call, agent).catch(noSuchAgent);
    }),
    CreateTaskPushNotificationConfig: noPush,
    GetTaskPushNotificationConfig: noPush,
    ListTaskPushNotificationConfigs: noPush,
    DeleteTaskPushNotificationConfig: noPush,
  };

  return (call: Call, request: RpcRequest): Promise<Reply | undefined> => {
    const method = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
    if (method === undefined) throw new A2aError("METHOD_NOT_FOUND", "There is no such method.");
    return method(call, request);
  };
}

interface Subscription {
  readonly id: string;
  readonly requestId: RpcId;
}

/** Also to a task that waits for people: whoever decides may sit elsewhere. */
async function subscribe(
  { streams }: FacadeDeps,
  tasks: TaskReading,
  call: Call,
  { id, requestId }: Subscription,
): Promise<Reply | undefined> {
  const place = await tasks.find(call.caller, id);
  const { view, question } = await tasks.read(call, place);
  if (view.outcome !== undefined)
    throw new A2aError("UNSUPPORTED_OPERATION", "The task has ended: there is nothing more to subscribe to.");
  const speech = createA2aSpeech({ requestId, context: place.context, question, staysAtWait: true });
  return streams.stream(call, { place }, { speech });
}

async function cancelTask(
  deps: FacadeDeps,
  tasks: TaskReading,
  call: Call,
  { id, historyLength }: TaskParams,
): Promise<object> {
  const place = await tasks.find(call.caller, id);
  const { conversation_id, turn_id } = place;
  try {
    await deps.commands.cancel(call.caller, { conversation_id, turn_id });
  } catch (error) {
    throw await whyNotCancelled(error, () => tasks.read(call, place));
  }
  await ended(deps, call, place);
  return taskOf(await tasks.read(call, place), { historyLength });
}

function noSuchAgent(error: unknown): never {
  if (!(error instanceof ChatError) || error.code !== "NOT_FOUND") throw error;
  throw new A2aError("INVALID_PARAMS", "`tenant` names no agent that there is.");
}

const noPush: Method = () => {
  throw new A2aError("PUSH_NOTIFICATION_NOT_SUPPORTED", "Nothing is pushed from here: subscribe to the task.");
};

/** Waits for the end of a turn that was told to stop; if that takes long, its task is told as it stands. */
async function ended({ streams }: FacadeDeps, call: Call, place: TaskPlace): Promise<void> {
  try {
    await streams.settle(call, { place }, { stopsAtWait: false, withinMs: cancelWithinMs });
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== "MODEL_TIMEOUT") throw error;
  }
}

async function whyNotCancelled(error: unknown, read: () => Promise<KnownTask>): Promise<unknown> {
  if (!(error instanceof ChatError) || error.code !== "NOT_FOUND") return error;
  const task = await read().catch(() => undefined);
  if (task === undefined) return noSuchTask();
  return new A2aError("TASK_NOT_CANCELABLE", "The task has ended: there is nothing to cancel.");
}
