// The client of @a2a-js/sdk, told line by line what to do: {"as": "x", "do": "stream", …} is answered by lines of the types "x.<kind of event>",
// and in the end by "x.done" or "x.failed".
import { createInterface } from "node:readline";
import { SendMessageRequest, StreamResponse, Task, ListTasksResponse, AgentCard } from "@a2a-js/sdk";
import {
  ClientFactory,
  ClientFactoryOptions,
  JsonRpcTransportFactory,
  DefaultAgentCardResolver,
} from "@a2a-js/sdk/client";

const { url, token } = JSON.parse(process.argv[2]);
const say = (type, fields = {}) => process.stdout.write(`${JSON.stringify({ type, ...fields })}\n`);
const authorized = (input, init = {}) =>
  fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

const factory = new ClientFactory(
  ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
    transports: [new JsonRpcTransportFactory({ fetchImpl: authorized })],
    cardResolver: new DefaultAgentCardResolver({ fetchImpl: authorized }),
  }),
);
const client = await factory.createFromUrl(url);

const tenant = "";
const requestOf = ({ message, configuration }) =>
  SendMessageRequest.fromJSON({ tenant, message: { role: "ROLE_USER", ...message }, configuration });

const tellAll = async (as, events) => {
  for await (const event of events) {
    const json = StreamResponse.toJSON(event);
    say(`${as}.${Object.keys(json)[0]}`, json);
  }
};

const taskOf = (result) => ("status" in result ? { task: Task.toJSON(result) } : { message: result });

const verbs = {
  card: async () => ({ card: AgentCard.toJSON(await client.getAgentCard()) }),
  send: async (command) => taskOf(await client.sendMessage(requestOf(command))),
  stream: (command) => tellAll(command.as, client.sendMessageStream(requestOf(command))),
  subscribe: ({ as, id }) => tellAll(as, client.resubscribeTask({ tenant, id })),
  get: async ({ id, historyLength }) => taskOf(await client.getTask({ tenant, id, historyLength })),
  cancel: async ({ id }) => taskOf(await client.cancelTask({ tenant, id, metadata: undefined })),
  list: async ({ params }) =>
    ListTasksResponse.toJSON(
      await client.listTasks({ tenant, contextId: "", status: 0, pageToken: "", includeArtifacts: false, ...params }),
    ),
  push: async ({ id }) => client.getTaskPushNotificationConfig({ tenant, taskId: id, id: "x" }),
};

say("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "quit") break;
  const { as } = command;
  void (async () => {
    try {
      say(`${as}.done`, (await verbs[command.do](command)) ?? {});
    } catch (error) {
      say(`${as}.failed`, { name: error.constructor.name, message: String(error.message) });
    }
  })();
}
process.exit(0);
