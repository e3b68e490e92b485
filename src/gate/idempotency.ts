/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a caller that lost an answer asks again under the same
 * key and is neither charged nor served twice. What a key means is the ledger's to say; here are the request's side of
 * it, which is a key and a digest, and the answer's, which is kept while it streams past and handed out again.
 */
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
  const why = `Idempotency-Key is not one key of 1 to ${KEY_CHARACTERS_MAX} printable ASCII characters, plain or in double quotes. Send one, such as a UUID.`;
  return refuse({ code: "bad_request", why });
}

/** A request whose body was read, and what it is known by: method, path, query, price and body. */
export type Digested = { readonly call: Call; readonly digest: string };

/** Reads the request's body, at most 1 MiB, and digests what makes it the same request. */
export async function digestCall(call: Call, price: number): Promise<Result<Digested, Denial>> {
  const { request, target } = call;
  const body = hasBody(request) ? await readBody(request) : new Uint8Array();
  if (!body) return refuse({ code: "content_too_large", bytesMax: KEYED_BODY_BYTES_MAX });
  const said = new TextEncoder().encode(JSON.stringify([request.method, target.path, target.query, price]));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", concat([said, body])));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const whole: RequestInit = { body };
  return ok({ call: hasBody(request) ? { ...call, request: new Request(request, whole) } : call, digest: hex });
}

async function readBody(request: Request): Promise<Uint8Array | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > KEYED_BODY_BYTES_MAX) return undefined;
  return readUpTo(request.body, KEYED_BODY_BYTES_MAX);
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
  return concat(chunks);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
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
    Number(headers.get("content-length") ?? 0) > KEPT_BODY_BYTES_MAX ||
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
