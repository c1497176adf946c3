import type { Facade } from "../../transport/facade.ts";

export const createDurableStreamsRoutes: Facade = () => [];
