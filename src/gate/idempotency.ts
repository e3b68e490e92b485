/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a caller that lost an answer asks again under the same
 * key and is neither charged nor served twice. What a key means is the ledger's to say; here are the request's side of
 * it, which is a key and a digest, and the answer's, which is kept while it streams past and handed out again.
 */
import { sha256Hex } from "../digest.ts";
import type { Answer } from "../ledger/command.ts";
import { refuse, ok, type Result } from "../result.ts";
import type { Denial } from "./denial.ts";
import type { Call } from "./house.ts";
import { hasBody } from "./origin.ts";

const KEY_CHARACTERS_MAX = 255;
/** A request under a key is read whole before it is forwarded, because its digest decides whether it is. */
const KEYED_BODY_BYTES_MAX = 1_048_576;
/** The longest answer that is kept; a longer one is delivered once. */
const KEPT_BODY_BYTES_MAX = 65_536;
const KEPT_HEADERS_CHARACTERS_MAX = 16_384;

/** RFC 8941 string, as the draft writes keys. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
/** As most clients write them. A comma would be two headers. */
const BARE = /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+$/;

/** Reads the Idempotency-Key header: a key, none, or why it cannot be used. */
export function readKey(header: string | null): Result<string | undefined, Denial> {
  if (header === null) return ok(undefined);
  const quoted = QUOTED.exec(header)?.[1]?.replaceAll(/\\(["\\])/g, "$1");
  const key = quoted ?? (BARE.test(header) ? header : "");
  if (key !== "" && key.length <= KEY_CHARACTERS_MAX) return ok(key);
  const why = `Idempotency-Key is not one key of 1 to ${KEY_CHARACTERS_MAX} printable ASCII characters, in double quotes if a blank, comma, quote or backslash is among them. Send one, such as a UUID.`;
  return refuse({ code: "bad_request", why });
}

/** Headers that make the same words another request: what the content is, and which part or version is wanted. */
const DIGESTED_HEADERS = ["content-type", "range", "if-range", "if-match", "if-none-match", "if-modified-since"];

/** A request whose body was read, and what it is known by: method, path, query, price, those headers and body. */
export type Digested = { readonly call: Call; readonly digest: string };

/** Reads the request's body, at most 1 MiB within `seconds`, and digests what makes it the same request. */
export async function digestCall(call: Call, price: number, seconds: number): Promise<Result<Digested, Denial>> {
  const { request, target } = call;
  const body = hasBody(request) ? await readBody(request, seconds) : new Uint8Array();
  if (!(body instanceof Uint8Array)) return refuse(body);
  const headers = DIGESTED_HEADERS.map((name) => request.headers.get(name));
  const said = [request.method, target.path, target.query, price, headers, await sha256Hex(body)];
  const whole: RequestInit = { body };
  const digest = await sha256Hex(JSON.stringify(said));
  return ok({ call: hasBody(request) ? { ...call, request: new Request(request, whole) } : call, digest });
}

async function readBody(request: Request, seconds: number): Promise<Uint8Array | Denial> {
  const tooLarge: Denial = { code: "content_too_large", bytesMax: KEYED_BODY_BYTES_MAX };
  if (contentLength(request.headers) > KEYED_BODY_BYTES_MAX) return tooLarge;
  const late = Symbol("late");
  let timer: ReturnType<typeof setTimeout> | null = null;
  const deadline = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => {
      resolve(late);
    }, seconds * 1000);
  });
  try {
    const read = await Promise.race([readUpTo(request.body, KEYED_BODY_BYTES_MAX), deadline]);
    if (read === late) return { code: "bad_request", why: `The content did not arrive within ${seconds} s.` };
    return read ?? tooLarge;
  } catch {
    return { code: "bad_request", why: "The content broke off before its end." };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The key as the origin may see it. To the origin all accounts are one client, so a key is made one of the account's:
 * the same for the same account and key, and nobody else's. In quotes if the caller wrote it so.
 */
export async function keyForOrigin(account: string, header: string): Promise<string> {
  const key = readKey(header);
  const scoped = await sha256Hex(JSON.stringify([account, key.ok ? key.value : header]));
  return header.startsWith('"') ? `"${scoped}"` : scoped;
}

/**
 * Room in an isolate's memory for requests that are read whole. One that finds none is told to try again, so that
 * callers who send slowly, or all at once, cannot take the memory that everybody's calls need.
 */
export class BodyRoom {
  readonly #taken = new Map<string, { readonly bytes: number; readonly until: number }>();
  #left = ROOM_BYTES;

  /** Sets room aside for a call's body until it is answered, or until `until`, if there is any left at `now` (milliseconds). */
  take({ request, requestId }: Pick<Call, "request" | "requestId">, until: number, now: number): boolean {
    if (!hasBody(request)) return true;
    const told = request.headers.has("content-length") ? contentLength(request.headers) : KEYED_BODY_BYTES_MAX;
    const bytes = Math.min(told, KEYED_BODY_BYTES_MAX);
    if (!(bytes <= this.#left)) this.#sweep(now);
    if (!(bytes <= this.#left)) return false;
    this.#left -= bytes;
    this.#taken.set(requestId, { bytes, until });
    return true;
  }

  /** The call was answered: nobody needs its body any more. */
  giveBack(requestId: string): void {
    this.#left += this.#taken.get(requestId)?.bytes ?? 0;
    this.#taken.delete(requestId);
  }

  /** A call that the runtime cut off never gives back what it took. */
  #sweep(now: number): void {
    for (const [requestId, { until }] of this.#taken) if (until <= now) this.giveBack(requestId);
  }
}

/** An isolate has 128 MB, and a body may stand in it twice while it is read. */
const ROOM_BYTES = 24 * 1_048_576;

function contentLength(headers: Headers): number {
  return Number(headers.get("content-length") ?? 0);
}

/** All of a stream; undefined, and the stream left, once it is longer than `max`. */
async function readUpTo(stream: ReadableStream<Uint8Array> | null, max: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream ?? []) {
    length += chunk.length;
    if (length > max) return undefined;
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/**
 * An answer to hand out now, and the same answer to keep, which is there once the body has passed. null: it is not to
 * be kept, being a stream of events, too long, or broken off. A caller that leaves early does not break it off.
 */
export function splitAnswer(response: Response): { answer: Response; kept: Promise<Answer | null> } {
  const { status, statusText, headers, body } = response;
  const pairs = [...headers];
  const isLong =
    (body !== null && contentLength(headers) > KEPT_BODY_BYTES_MAX) ||
    JSON.stringify(pairs).length > KEPT_HEADERS_CHARACTERS_MAX;
  const isStream = /^text\/event-stream/i.test(headers.get("content-type") ?? "");
  if (isLong || isStream || response.webSocket) return { answer: response, kept: Promise.resolve(null) };
  if (!body) return { answer: response, kept: Promise.resolve({ status, headers: pairs, body: new Uint8Array() }) };
  const [forCaller, forKeeping] = body.tee();
  const kept = readUpTo(forKeeping, KEPT_BODY_BYTES_MAX).then(
    (bytes) => (bytes ? { status, headers: pairs, body: bytes } : null),
    () => null,
  );
  return { answer: new Response(forCaller, { status, statusText, headers, encodeBody: "manual" }), kept };
}

/** A kept answer, handed out again. */
export function replayAnswer({ status, headers, body }: Answer, firstRequestId: string, remaining: number): Response {
  const again = new Headers(headers.map(([name, value]): [string, string] => [name, value]));
  again.set("Idempotency-Replayed", "true");
  again.set("Original-Request-Id", firstRequestId);
  again.set("Credits-Remaining", String(remaining));
  return new Response(body.length > 0 ? body : null, { status, headers: again, encodeBody: "manual" });
}
