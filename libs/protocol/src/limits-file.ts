import { z } from "zod";
import { RightsByRole } from "./authority.ts";

/** `config/limits.yaml`: what callers may do by their roles. */
export const LimitsFile = z.strictObject({ roles: RightsByRole });
export type LimitsFile = z.infer<typeof LimitsFile>;
