import { StartError } from "@parley/runtime";
import type { ModelTable } from "./model-table.ts";
import { namesProvider, providerFrom, serverProvider, type Provider, type ProviderSettings } from "./provider.ts";

type Described = Pick<ModelTable, "servers" | "models">;

/**
 * The provider of what is not described otherwise: the environment's, else that of the first model of the table, under the table's name for it. Throws a
 * StartError as `providerFrom` does, and where a model of the table has no place to be at.
 */
export function defaultProvider(settings: ProviderSettings, { servers, models }: Described): Provider {
  if (namesProvider(settings)) return providerFrom(settings);
  const addressOf = (server: string | undefined): string | undefined =>
    server === undefined ? undefined : servers.get(server)?.address;
  for (const { name, server } of models.values()) {
    if (addressOf(server) === undefined)
      throw new StartError(`The model ${name} has no server with an address, and the environment names none.`);
  }
  const [first] = models.values();
  const server = first?.server === undefined ? undefined : servers.get(first.server);
  if (first === undefined || server?.address === undefined) return providerFrom(settings);
  return { ...serverProvider({ ...server, address: server.address }, first.id ?? first.name), model: first.name };
}
