import { defineParleyChat } from "./element.ts";

defineParleyChat();
