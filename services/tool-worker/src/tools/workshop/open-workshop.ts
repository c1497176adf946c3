import { openWorkshopLog, type Bus, type connectRedis } from "@parley/bus";
import type { Logger } from "@parley/runtime";
import { ToolError, type Tool } from "../tool.ts";
import { createBookings, type Bookings } from "./bookings.ts";
import { createReadModel } from "./read-model.ts";
import { loadWorkshop } from "./workshop-file.ts";
import { createWorkshopTools } from "./workshop-tools.ts";

interface WorkshopOptions {
  /** Undefined: the shipped one, if it is there. */
  readonly file: string | undefined;
  readonly replicas: number;
  readonly logger: Logger;
}

type Redis = ReturnType<typeof connectRedis>;

export interface OpenWorkshop {
  /** None where there is no file. */
  readonly tools: readonly Tool[];
  /** Where the diaries are. Nothing is asked of either before a tool is called. */
  connect(bus: Pick<Bus, "nc" | "texts">, redis: Redis): void;
}

/** Reads what the workshop offers. Throws a StartError with every mistake. */
export async function openWorkshop({ file, replicas, logger }: WorkshopOptions): Promise<OpenWorkshop> {
  const workshop = await loadWorkshop(file);
  if (workshop === undefined) return { tools: [], connect: () => {} };
  let stores: { readonly bus: Pick<Bus, "nc" | "texts">; readonly redis: Redis } | undefined;
  let opened: Promise<Bookings> | undefined;

  const open = async (): Promise<Bookings> => {
    if (stores === undefined) throw new ToolError("The workshop's diary is not connected yet. Try again.");
    const log = await openWorkshopLog(stores.bus, replicas);
    return createBookings({
      ...{ workshop, log },
      readModel: createReadModel({ log, redis: stores.redis, texts: stores.bus.texts, logger }),
    });
  };
  const bookings = (): Promise<Bookings> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    tools: createWorkshopTools({ workshop, bookings }),
    connect: (bus, redis) => void (stores = { bus, redis }),
  };
}
