/** What every answer carries: the request's id, what the call cost, and that no shared cache may keep it. */

/** Cloudflare's own cache directives too: an ordinary Cache-Control does not speak to every cache in front of us. */
export function setNoStore(headers: Headers): void {
  headers.set("Cache-Control", "private, no-store");
  headers.set("CDN-Cache-Control", "no-store");
  headers.set("Cloudflare-CDN-Cache-Control", "no-store");
}

export type Receipt = {
  readonly charged: number;
  /** What the account has left as far as this edge knows; undefined where no account is involved. */
  readonly remaining: number | undefined;
};

export function setReceipt(headers: Headers, receipt: Receipt): void {
  headers.set("Credits-Charged", String(receipt.charged));
  if (receipt.remaining !== undefined) headers.set("Credits-Remaining", String(receipt.remaining));
}
