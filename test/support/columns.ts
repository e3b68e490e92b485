/** What a call may have done, in four columns: paid for, free, or refused with nothing forwarded, written or charged. */
import { expect } from "vitest";
import type { CallOptions, Reply, Seen, TestGate } from "./gate.ts";

type Columns = Omit<Seen, "reply">;

/** Served once, and charged exactly this. */
export function paid(credits: number): Columns {
  return { status: 200, hits: 1, entries: ["hold", "capture"], delta: -credits };
}
/** Served once, and nothing written. */
export const FREE: Columns = { status: 200, hits: 1, entries: [], delta: 0 };
/** Not served; the status is the test's to say. */
export const DENIED: Omit<Columns, "status"> = { hits: 0, entries: [], delta: 0 };

/** Makes the call for `account` and expects it to be refused with this status and code. */
export async function expectDenial(
  gate: TestGate,
  account: string,
  path: string,
  options: CallOptions,
  [status, code]: readonly [status: number, code: string],
): Promise<Reply> {
  const { reply, ...seen } = await gate.see(account, path, options);
  expect(seen).toEqual({ ...DENIED, status });
  expectNoStore(reply);
  expect(reply.headers["content-type"]).toBe("application/problem+json");
  if (options.method === "HEAD") expect(reply.body).toBe("");
  else expect(reply.json()).toMatchObject({ status, code, request_id: reply.headers["request-id"] });
  return reply;
}

/** No cache may keep it: neither an ordinary one, nor a CDN's, nor Cloudflare's. */
export function expectNoStore({ headers }: Reply): void {
  expect(headers["cache-control"]?.split(", ")).toContain("no-store");
  expect(headers["cdn-cache-control"]).toBe("no-store");
  expect(headers["cloudflare-cdn-cache-control"]).toBe("no-store");
}
