import type { Facade } from "../../transport/facade.ts";

export const createMcpRoutes: Facade = () => [];
