/**
 * Shared caches as they are allowed to be: may one keep this answer for somebody else (RFC 9111 section 3, RFC 9213)?
 * In doubt it may: what a cache might do that reads the rules in its own favour is what an answer must withstand.
 */
import type { IncomingHttpHeaders } from "node:http";

export type Asked = { readonly method: string; readonly headers: Readonly<Record<string, string | string[]>> };
export type Answered = { readonly status: number; readonly headers: IncomingHttpHeaders };

/** Kinds of caches, each with the headers it obeys, the first it finds overruling the rest. */
export const CACHES: Readonly<Record<string, readonly string[]>> = {
  "an ordinary proxy": ["cache-control"],
  "a CDN": ["cdn-cache-control", "cache-control"],
  Cloudflare: ["cloudflare-cdn-cache-control", "cdn-cache-control", "cache-control"],
  "a CDN with surrogate headers": ["surrogate-control", "cdn-cache-control", "cache-control"],
  "a CDN with a header of its own": ["vercel-cdn-cache-control", "netlify-cdn-cache-control", "cache-control"],
  "a CDN with edge control": ["edge-control", "cache-control"],
};

/** Statuses that may be kept without being told for how long (RFC 9110 section 15.1, and 206, which some keep too). */
const HEURISTIC = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501];

/** Whether that cache may keep the answer and give it to another caller. */
export function mayStore(cache: string, asked: Asked, { status, headers }: Answered): boolean {
  if (status < 200) return false;
  // nginx goes by this before anything else, also where Cache-Control forbids.
  const accel = text(headers["x-accel-expires"]);
  if (cache === "an ordinary proxy" && accel !== undefined && accel !== "0") return true;
  const obeyed = (CACHES[cache] ?? []).find((name) => headers[name] !== undefined);
  const told = directives(text(obeyed === undefined ? undefined : headers[obeyed]));
  const targeted = obeyed !== undefined && obeyed !== "cache-control";
  // What is private in part only may be kept without that part.
  if (told.has("no-store") || told.get("private") === true) return false;
  const lifetime = ["max-age", "s-maxage", "cache-maxage", "public", "stale-while-revalidate", "immutable"];
  const explicit = lifetime.some((name) => told.has(name)) || (!targeted && headers.expires !== undefined);
  const authorized = asked.headers["authorization"] !== undefined;
  const shared = ["public", "s-maxage", "must-revalidate", "cache-maxage"].some((name) => told.has(name));
  if (authorized && !shared && !targeted) return false;
  const understood = asked.method === "GET" || asked.method === "HEAD" || explicit;
  return understood && (explicit || HEURISTIC.includes(status) || told.size > 0);
}

function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}

/** A field's directives; true for one without an argument. */
function directives(field: string | undefined): Map<string, string | true> {
  const found = new Map<string, string | true>();
  for (const [, name = "", quoted, plain] of (field ?? "").matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,"]*)))?/g))
    found.set(name.toLowerCase(), quoted ?? plain ?? true);
  return found;
}
