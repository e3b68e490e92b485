/** Calls whose body, and whose answer, a test sends and reads piece by piece, and may break off. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestGate } from "./gate.ts";

/** Begins a call and leaves its body, and its answer, to the test. */
export async function begin(gate: TestGate, account: string, method: string, path: string): Promise<ClientRequest> {
  await gate.grant(account, 500);
  const headers = { authorization: `Bearer ${await gate.token(account)}` };
  const call = httpRequest({ host: "127.0.0.1", port: gate.port, method, path, headers, agent: false });
  // Leaving is what these tests do.
  call.on("error", () => undefined);
  return call;
}

/** The beginning of its answer. */
export async function answerOf(call: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(call, "response")) as [IncomingMessage];
  response.on("error", () => undefined);
  return response;
}

export async function nextChunk(response: IncomingMessage): Promise<string> {
  const [chunk] = (await once(response, "data")) as [Buffer];
  return chunk.toString();
}

/** Waits for the journal's entries after the grant. A while more shows that nothing else comes. */
export async function kindsOf(gate: TestGate, account: string): Promise<string[]> {
  const read = async (): Promise<string[]> => (await gate.entries(account)).slice(1).map(({ kind }) => String(kind));
  for (let n = 0; n < 150 && (await read()).length < 2; n++) await sleep(20);
  await sleep(60);
  return read();
}

export const MIB = 1_048_576;

/** Writes 64 MiB as fast as the other side takes them; `stuckAt` is how many had gone when it took no more. */
export function pump(to: ClientRequest | ServerResponse): { stuckAt(): Promise<number>; stop(): void } {
  const chunk = randomBytes(MIB);
  let sent = 0;
  let stopped = false;
  const next = (): void => {
    if (stopped || sent >= 64 * MIB) return;
    to.write(chunk, (error) => {
      if (error) return;
      sent += MIB;
      next();
    });
  };
  next();
  return {
    async stuckAt() {
      for (let before = -1; before < sent; await sleep(300)) before = sent;
      return sent;
    },
    stop() {
      stopped = true;
    },
  };
}
