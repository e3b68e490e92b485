/** Calls with an Idempotency-Key, and their answers to the byte. */
import { expect } from "vitest";
import { DENIED } from "./columns.ts";
import type { CallOptions, Reply, Seen, TestGate } from "./gate.ts";

/** A call's four columns, and its answer as it was on the wire. */
export type SeenWhole = Seen & {
  readonly bytes: Buffer;
  /** All headers, in order, also those that came twice. */
  readonly pairs: readonly (readonly [name: string, value: string])[];
};

/** Adds a key to a call. */
export function under(key: string | string[], options: CallOptions = {}): CallOptions {
  return { ...options, headers: { ...options.headers, "idempotency-key": key } };
}

/** As `gate.see`, keeping the bytes. */
export async function seeWhole(
  gate: TestGate,
  account: string,
  path: string,
  options: CallOptions,
): Promise<SeenWhole> {
  const chunks: Buffer[] = [];
  const pairs: [string, string][] = [];
  const seen = await gate.see(account, path, {
    ...options,
    onResponse(response) {
      for (let n = 0; n < response.rawHeaders.length; n += 2)
        pairs.push([String(response.rawHeaders[n]).toLowerCase(), String(response.rawHeaders[n + 1])]);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
    },
  });
  return { ...seen, bytes: Buffer.concat(chunks), pairs };
}

/** Makes a call again under its key, once its first answer is out of flight: at most two seconds, in which nothing may happen. */
export async function askAgain(
  gate: TestGate,
  account: string,
  path: string,
  options: CallOptions,
): Promise<SeenWhole> {
  for (let n = 0; ; n++) {
    const seen = await seeWhole(gate, account, path, options);
    if (n > 100 || !isInFlight(seen.reply)) return seen;
    expect(seen).toMatchObject({ ...DENIED, status: 409 });
  }
}

function isInFlight({ status, body }: Reply): boolean {
  return status === 409 && body.includes('"request_in_flight"');
}

/** An account of its own with credits, and a token for it. */
export async function rich(gate: TestGate, account: string, credits = 1000): Promise<string> {
  await gate.grant(account, credits);
  return gate.token(account);
}
