import { announceEveryMs, createOfferBoard, createToolCatalogue, type connectRedis } from "@parley/bus";
import type { ToolDefinition } from "@parley/protocol";
import type { Lifecycle, Logger } from "@parley/runtime";
import type { Config } from "./config.ts";

export interface AnnouncementDeps {
  readonly redis: ReturnType<typeof connectRedis>;
  /** As they are when it is announced. */
  readonly definitions: () => readonly ToolDefinition[];
  readonly config: Pick<Config, "KUBECONFIG" | "KUBERNETES_SERVICE_HOST" | "KUBE_LABEL">;
  readonly log: Logger;
  readonly life: Lifecycle;
}

/** Tells the agents what this worker can run, again and again. */
export function keepAnnouncing({ redis, definitions, config, log, life }: AnnouncementDeps) {
  const catalogue = createToolCatalogue({ redis, log });
  const isSimulated = isClusterSimulated(config);
  const board = createOfferBoard({ redis, log });
  let isAnnounced = false;
  const announce = (): void => {
    // While Redis is away nothing needs to be done: when it is ready again, perhaps without its data, this runs again.
    catalogue.announce(definitions()).then(
      () => {
        isAnnounced = true;
      },
      (err: unknown) => log.debug({ err }, "the tools could not be announced"),
    );
    if (isSimulated === undefined) return;
    board
      .announceCluster(isSimulated)
      .catch((err: unknown) => log.debug({ err }, "what is simulated could not be announced"));
  };
  const timer = setInterval(announce, announceEveryMs);
  redis.on("ready", announce);
  announce();
  life.use("announcements", () => {
    clearInterval(timer);
    redis.off("ready", announce);
  });
  return {
    /** Whether agents could know of the tools by now. */
    isAnnounced: () => isAnnounced,
    /** At once, as something has changed. */
    announce,
  };
}

/** Undefined: there is no cluster. */
function isClusterSimulated({
  KUBECONFIG,
  KUBERNETES_SERVICE_HOST,
  KUBE_LABEL = "",
}: AnnouncementDeps["config"]): boolean | undefined {
  if (KUBECONFIG === undefined && KUBERNETES_SERVICE_HOST === undefined) return undefined;
  return /^simulated\b/i.test(KUBE_LABEL);
}
