import type { Facade } from "../../transport/facade.ts";

export const createA2aRoutes: Facade = () => [];
