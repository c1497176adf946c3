import { z } from "zod";
import { allWords, type Seen } from "./seen.ts";
import type { Viewer } from "./viewer.ts";
import { ask, askJson, Breach, jsonOf, readAs, Refused, serverEvents, type TurnPlace, type Visit } from "./visit.ts";

const Call = z.looseObject({ call_id: z.string(), tool_name: z.string(), status: z.string().optional() });
const Data = z.looseObject({
  tool_call: Call.optional(),
  tool_result: Call.optional(),
  error: z.looseObject({ code: z.string() }).optional(),
});
const Message = z.looseObject({ parts: z.array(z.looseObject({ data: Data.optional() })) });
const Status = z.looseObject({ state: z.string(), message: Message.optional() });
const Artifact = z.looseObject({ parts: z.array(z.looseObject({ text: z.string() })) });
const Task = z.looseObject({
  id: z.string(),
  status: Status,
  artifacts: z.array(Artifact).optional(),
  history: z.array(Message).optional(),
});
const ArtifactUpdate = z.looseObject({ artifact: Artifact, append: z.boolean() });
const Update = z.looseObject({
  task: Task.optional(),
  statusUpdate: z.looseObject({ status: Status }).optional(),
  artifactUpdate: ArtifactUpdate.optional(),
});
const Answer = z.looseObject({
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.number(), message: z.string() }).optional(),
});

const hasEnded = -32004;
const headers = { "a2a-version": "1.0" } as const;

/** A subscription begins with the task as it stands, which replaces what there was; of a task that has ended it is asked how it stands. */
export const a2a: Viewer = {
  name: "A2A 1.0, SubscribeToTask",
  words: allWords,
  look(place) {
    let id: string | undefined;
    let task = createTask();
    return {
      async visit(visit) {
        task = createTask();
        id ??= await taskIdOf(visit, place);
        const answer = await ask(visit, "/a2a", { headers, body: rpc("SubscribeToTask", { id }) });
        if (answer.headers.get("content-type")?.startsWith("application/json") === true) {
          const { error } = readAs(Answer, jsonOf(await answer.text()));
          if (error?.code !== hasEnded) throw new Refused(answer.status, error?.message ?? "");
          task.take({ task: await call(visit, "GetTask", { id }) });
        } else for await (const { data } of serverEvents(answer)) task.take(resultOf(readAs(Answer, jsonOf(data))));
        if (!task.isOver()) throw new Breach("the stream ended without an end");
        return "over";
      },
      seen: () => task.seen(),
    };
  },
};

function rpc(method: string, params: object): object {
  return { jsonrpc: "2.0", id: 1, method, params };
}

function resultOf({ result, error }: z.infer<typeof Answer>): unknown {
  if (error !== undefined) throw new Refused(200, error.message);
  return result;
}

async function call(visit: Visit, method: string, params: object): Promise<unknown> {
  return resultOf(readAs(Answer, await askJson(visit, "/a2a", { headers, body: rpc(method, params) })));
}

async function taskIdOf(visit: Visit, { conversation, turn }: TurnPlace): Promise<string> {
  const listed = await call(visit, "ListTasks", { contextId: conversation });
  const found = readAs(z.looseObject({ tasks: z.array(Task) }), listed).tasks.find(({ id }) => id.startsWith(turn));
  if (found === undefined) throw new Refused(200, "the task is not listed");
  return found.id;
}

const ends: Readonly<Record<string, string>> = {
  TASK_STATE_COMPLETED: "complete",
  TASK_STATE_CANCELED: "cancelled",
  TASK_STATE_FAILED: "error",
  TASK_STATE_REJECTED: "error",
};

function textOf({ parts }: z.infer<typeof Artifact>): string {
  return parts.map(({ text }) => text).join("");
}

function createTask() {
  let isThere = false;
  /** Undefined: there is no artifact. */
  let text: string | undefined;
  const calls = new Map<string, { name: string; status: string }>();
  let end: string | undefined;

  const takeResult = ({ call_id, status = "" }: z.infer<typeof Call>): void => {
    const known = calls.get(call_id);
    if (known === undefined) throw new Breach("a result of a call that was not told");
    known.status = status;
  };
  const takeMessage = ({ parts }: z.infer<typeof Message>): string | undefined => {
    const all = parts.flatMap(({ data }) => (data === undefined ? [] : [data]));
    for (const { tool_call, tool_result } of all) {
      if (tool_call !== undefined) calls.set(tool_call.call_id, { name: tool_call.tool_name, status: "open" });
      if (tool_result !== undefined) takeResult(tool_result);
    }
    return all.find(({ error }) => error !== undefined)?.error?.code;
  };
  const takeStatus = ({ state, message }: z.infer<typeof Status>): void => {
    const code = message === undefined ? undefined : takeMessage(message);
    const kind = ends[state];
    if (kind !== undefined) end = kind === "error" ? `error:${code}` : kind;
  };
  const takeArtifact = ({ artifact, append }: z.infer<typeof ArtifactUpdate>): void => {
    if (append && text === undefined) throw new Breach("it appends to no artifact");
    text = append ? `${text}${textOf(artifact)}` : textOf(artifact);
  };

  return {
    take(value: unknown): void {
      const { task, statusUpdate, artifactUpdate } = readAs(Update, value);
      if (end !== undefined) throw new Breach("something follows the end");
      if ((task === undefined) === !isThere) throw new Breach("the first frame is not the task, or a later one is");
      isThere = true;
      if (task !== undefined) {
        const [artifact] = task.artifacts ?? [];
        text = artifact === undefined ? undefined : textOf(artifact);
        for (const message of task.history ?? []) takeMessage(message);
        takeStatus(task.status);
      }
      if (statusUpdate !== undefined) takeStatus(statusUpdate.status);
      if (artifactUpdate !== undefined) takeArtifact(artifactUpdate);
    },
    isOver: (): boolean => end !== undefined,
    seen: (): Seen => ({ text: text ?? "", reasoning: undefined, calls: [...calls.values()], end }),
  };
}
