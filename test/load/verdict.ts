/** Whether something holds that was promised. */
export interface Verdict {
  readonly what: string;
  readonly says: string;
  readonly isGood: boolean;
}
