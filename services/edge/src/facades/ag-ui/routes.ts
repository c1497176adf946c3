import type { Facade } from "../../transport/facade.ts";

export const createAgUiRoutes: Facade = () => [];
