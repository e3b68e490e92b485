/** The server behind the gates. It keeps a log of its own, which is what the journal is held against in the end. */
import { demand } from "./law.ts";

/** What an origin does with a call. `unheard`: it answers well, and the answer never reaches the gate. */
const DEEDS = ["ok", "ok", "ok", "fails", "never", "unheard", "ok", "ok"] as const;
export type Deed = (typeof DEEDS)[number];

export function deedOf(n: number): Deed {
  return DEEDS[n % DEEDS.length] ?? "ok";
}

export class Origin {
  /** By request id. `served`: it answered what costs. */
  readonly log = new Map<string, { readonly served: boolean; readonly credits: number }>();

  /** A call arrives. */
  take(requestId: string, deed: Deed, credits: number): void {
    demand(!this.log.has(requestId), "unpaid", () => `${requestId} reached the origin twice`);
    this.log.set(requestId, { served: deed === "ok" || deed === "unheard", credits });
  }
}
