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

/** One segment of the path, decoded; undefined if it is not percent-encoded UTF-8, which would be a second spelling of something. */
export function decodeSegment(c: FareboxContext, index: number): string | undefined {
  try {
    return decodeURIComponent(c.env.call.target.path.split("/")[index] ?? "");
  } catch {
    return undefined;
  }
}

/** The {account} of the path. */
export function readAccount(c: FareboxContext): Result<string, Denial> {
  const account = decodeSegment(c, 3);
  return isAccountId(account)
    ? ok(account)
    : bad("The account's id is not 1 to 256 printable characters (480 bytes at most), percent-encoded in the path.");
}

/** The {id} of the path. */
export function readId(c: FareboxContext): Result<string, Denial> {
  const id = decodeSegment(c, 5);
  return isOperatorId(id) ? ok(id) : bad("The id is not 1 to 128 letters, digits and . _ : ~ -.");
}

/** An RFC 3339 time as milliseconds; null for none. */
export function readTime(body: Input, name: string): Result<number | null, Denial> {
  const value = body[name] ?? null;
  if (value === null) return ok(null);
  const ms = typeof value === "string" ? parseTime(value) : undefined;
  return ms === undefined ? bad(`${name} is not a time like 2027-01-31T00:00:00Z.`) : ok(ms);
}

/** RFC 3339 section 5.6, without leap seconds. Date.parse alone takes February 30 for March 2. */
function parseTime(text: string): number | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!parts) return undefined;
  const [, year, month, day] = parts.map(Number);
  if (new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day)).getUTCDate() !== day) return undefined;
  const ms = Date.parse(text);
  return Number.isSafeInteger(ms) && ms >= 0 ? ms : undefined;
}
