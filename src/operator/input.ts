/** What operators send, read strictly: every mistake is named, nothing unknown is ignored. */
import { isAccountId, isOperatorId } from "../account-id.ts";
import type { Denial } from "../gate/denial.ts";
import { parseStrictObject } from "../gate/strict-json.ts";
import type { FareboxContext } from "../resource.ts";
import { refuse, ok, type Result } from "../result.ts";

const BODY_BYTES_MAX = 16_384;

export type Input = Readonly<Record<string, unknown>>;

export function bad(why: string): { readonly ok: false; readonly error: Denial } {
  return refuse({ code: "bad_request", why });
}

/** The body as a JSON object with no members but `known`; no body is {}. */
export async function readBody(c: FareboxContext, known: readonly string[]): Promise<Result<Input, Denial>> {
  const length = Number(c.req.header("content-length") ?? 0);
  const bytes = length > BODY_BYTES_MAX ? undefined : new Uint8Array(await c.req.arrayBuffer());
  if (!bytes || bytes.length > BODY_BYTES_MAX) return bad(`The body is longer than ${BODY_BYTES_MAX} bytes.`);
  if (bytes.length === 0) return ok({});
  const body = parseStrictObject(bytes);
  if (!body) return bad("The body is not a JSON object with distinct members.");
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  return unknown === undefined
    ? ok(body)
    : bad(`The body has an unknown member ${JSON.stringify(unknown)}; known are ${known.join(", ")}.`);
}

/** The {account} of the path. */
export function readAccount(c: FareboxContext): Result<string, Denial> {
  const account = c.req.param("account");
  return isAccountId(account)
    ? ok(account)
    : bad("The account's id is not 1 to 256 printable characters (480 bytes at most), percent-encoded in the path.");
}

/** The {id} of the path. */
export function readId(c: FareboxContext): Result<string, Denial> {
  const id = c.req.param("id");
  return isOperatorId(id) ? ok(id) : bad("The id is not 1 to 128 letters, digits and . _ : ~ -.");
}

/** An RFC 3339 time as milliseconds; null for none. */
export function readTime(body: Input, name: string): Result<number | null, Denial> {
  const value = body[name] ?? null;
  if (value === null) return ok(null);
  const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
  const ms = typeof value === "string" && rfc3339.test(value) ? Date.parse(value) : NaN;
  return Number.isSafeInteger(ms) && ms >= 0 ? ok(ms) : bad(`${name} is not a time like 2027-01-31T00:00:00Z.`);
}
