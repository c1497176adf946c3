import type { Facade } from "../../transport/facade.ts";

export const createChatCompletionsRoutes: Facade = () => [];
