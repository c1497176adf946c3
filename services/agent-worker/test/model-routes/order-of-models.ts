import { createLogger } from "@parley/runtime";
import { createModelClient } from "../../src/model/model-client.ts";
import { ModelsFile, toModelTable } from "../../src/model/model-table.ts";
import type { ModelEvent } from "../../src/model/model.ts";
import { providerFrom } from "../../src/model/provider.ts";
import type { RestartEvent } from "../../src/model/retry.ts";
import { streamInOrder, type OrderOptions } from "../../src/model-routes/model-order.ts";
import { createModelRoutes, type Wanted } from "../../src/model-routes/model-routes.ts";
import { never, question } from "../model/fake-provider.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

/** The routes of a `models.yaml`, given as its value; the environment's provider is nowhere. */
export function routesOf(file: object, environment = "http://127.0.0.1:1/v1") {
  const waits: string[] = [];
  const table = toModelTable(ModelsFile.parse(file), () => "");
  const provider = providerFrom({ OPENAI_BASE_URL: environment, OPENAI_MODEL: "plain" });
  const routes = createModelRoutes({
    ...{ provider, table, log },
    clientOf: ({ name: _name, firstTokenMs = 5_000, idleMs = 5_000, ...at }) =>
      createModelClient({ ...at, firstTokenMs, idleMs, log }),
    onWaited: (server) => void waits.push(server),
  });
  return { routes, waits };
}

type Routes = ReturnType<typeof routesOf>["routes"];

/** Asks the models of an order, and says what came of it. */
export async function askInOrder(
  routes: Routes,
  asked: string | Wanted,
  options: Partial<OrderOptions> & { readonly user?: string } = {},
) {
  const wanted = typeof asked === "string" ? { asked, agent: {} } : asked;
  const order = routes.orderOf(wanted);
  if (order === undefined) throw new Error("there is no order");
  const told: string[] = [];
  const events: (ModelEvent | RestartEvent)[] = [];
  const { user = "u", ...others } = options;
  const request = { ...question, party: { user, tenant: undefined } };
  const error: unknown = await streamInOrder(order, request, {
    ...{ signal: never(), committed: undefined, random: () => 0 },
    onAsked: ({ name }) => void told.push(`asked ${name}`),
    onChosen: ({ from, to, why }) => void told.push(`${to.name} for ${from}: ${why}`),
    stored: () => Promise.resolve(void told.push("stored")),
    onHedged: ({ first, second, won }) => void told.push(`hedge ${first.name} ${second.name}: ${won}`),
    onFailed: ({ name }, { code }, hasSpoken) =>
      void told.push(`${name} failed: ${code}${hasSpoken ? " after text" : ""}`),
    onEvents: (some) => void events.push(...some),
    ...others,
  }).catch((thrown: unknown) => thrown);
  const text = events.reduce((all, event) => {
    if (event.type === "restart") return "";
    return event.type === "text" ? all + event.text : all;
  }, "");
  return { told, events, text, error };
}
