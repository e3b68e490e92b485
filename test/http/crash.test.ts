/** The gate is killed in the middle of calls, and nothing of an account's credits is lost, doubled or stuck. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAdminToken, makeSigningKey } from "../../scripts/secrets.ts";
import type { Config } from "../../src/config.ts";
import { startGate, type GateOptions } from "../support/gate.ts";
import { header, startOrigin, type RecordingOrigin } from "../support/origin.ts";

const PRICE = 3;
const GRANTED = 10_000;
const CALLERS = 16;
const CALLS_BEFORE_THE_END = 500;
const HOLD_SECONDS = 2;
const ROUNDS = 2;

const persist = mkdtempSync(join(tmpdir(), "farebox-crash-"));
const bindings = { FAREBOX_ADMIN_TOKEN: makeAdminToken(), FAREBOX_SIGNING_KEY: makeSigningKey() };
let origin: RecordingOrigin;
let options: GateOptions;
/** Process groups that a failed test may have left behind. */
const groups = new Set<number>();
beforeAll(async () => {
  origin = await startOrigin();
  options = {
    persist,
    bindings,
    config: {
      prices: { "GET /v1/work": PRICE } as unknown as Config["prices"],
      publicUrl: "https://api.example.com",
      origin: { url: origin.url, insecure: true, timeoutSeconds: 1 },
      holdTtlSeconds: HOLD_SECONDS,
    },
  };
});
afterAll(async () => {
  for (const group of groups) process.kill(-group, "SIGKILL");
  await origin.close();
  rmSync(persist, { recursive: true, force: true });
});

it("keeps every credit accounted for when it is killed in the middle of calls", async () => {
  const first = await startGate({ ...options, origin });
  await first.grant("survivor", GRANTED);
  const token = await first.token("survivor");
  await first.close();
  // Some answers cost, some do not, and at any moment several calls wait for theirs.
  origin.answer = async (request, response) => {
    await sleep(Math.random() * 20);
    response.writeHead(request.url?.endsWith("0") ? 500 : 200).end();
  };
  /** Request ids of the answers callers saw, with what each said it was charged. */
  const receipts = new Map<string, number>();
  for (let round = 1; round <= ROUNDS; round++) {
    const doomed = await startDoomed();
    await callUntilItDies(doomed, token, receipts);
  }
  const hits = origin.hits.map((hit) => header(hit, "farebox-request-id") ?? "");

  const gate = await startGate({ ...options, origin });
  const after = await gate.account("survivor");
  for (let n = 0; n < HOLD_SECONDS * 20 && (await gate.account("survivor")).held > 0; n++) await sleep(75);
  const settled = await gate.account("survivor");
  const entries = await gate.entries("survivor");
  await gate.close();
  const idsOf = (kind: string): string[] =>
    entries.filter((entry) => entry.kind === kind).map((entry) => entry.request_id);
  const [held, captured, voided, expired] = ["hold", "capture", "void", "expire"].map(idsOf) as [
    string[],
    string[],
    string[],
    string[],
  ];
  const paidFor = [...receipts].filter(([, charged]) => charged > 0).map(([id]) => id);
  const lost = paidFor.filter((id) => !captured.includes(id));
  console.log(
    `${ROUNDS} kills: ${held.length} holds = ${captured.length} captured + ${voided.length} voided + ${expired.length} expired; ` +
      `${hits.length} origin hits; ${receipts.size} answers seen, ${paidFor.length} of them paid, ${lost.length} of those never charged; ` +
      `held after the restart ${after.held}, in the end ${settled.held}`,
  );

  // The law of conservation, before and after the holds of the dead expire.
  for (const view of [after, settled]) expect(view.granted).toBe(view.available + view.held + view.captured);
  expect(settled).toMatchObject({ granted: GRANTED, held: 0, captured: captured.length * PRICE });
  expect(entries.reduce((sum, entry) => sum + entry.amount, 0)).toBe(settled.available);
  // Every hold ended once, in one way.
  expect([...captured, ...voided, ...expired].sort()).toEqual([...held].sort());
  expect(new Set(held).size).toBe(held.length);
  // Nothing is charged that the origin did not see, nothing reaches it that was not held first.
  expect(new Set(hits).size).toBe(hits.length);
  expect(captured.filter((id) => !hits.includes(id))).toEqual([]);
  expect(hits.filter((id) => !held.includes(id))).toEqual([]);
  // What a caller got for nothing was voided, what it got and paid for is charged, or given back because the gate died first.
  expect([...receipts].filter(([id, charged]) => charged === 0 && !voided.includes(id))).toEqual([]);
  expect(lost.filter((id) => !expired.includes(id))).toEqual([]);
  expect(lost.length).toBeLessThanOrEqual(ROUNDS * CALLERS);
  // It was a crash worth the name.
  expect(receipts.size).toBeGreaterThanOrEqual(ROUNDS * CALLS_BEFORE_THE_END);
  expect(expired.length).toBeGreaterThan(0);
});

type Doomed = { readonly process: ChildProcess; readonly port: number };

/** A gate in a process group of its own, which has workerd in it, to be killed without warning. */
async function startDoomed(): Promise<Doomed> {
  const script = `
    import { startGate } from ${JSON.stringify(join(import.meta.dirname, "../support/gate.ts"))};
    const { origin, ...options } = JSON.parse(process.argv[1]);
    const { port } = await startGate({ ...options, origin: { url: origin, hits: [] } });
    console.log("listening", port);
    setInterval(() => undefined, 60_000);`;
  const args = ["--input-type=module", "--eval", script, JSON.stringify({ ...options, origin: origin.url })];
  const child = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  if (child.pid !== undefined) groups.add(child.pid);
  let output = "";
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const listening = /listening (\d+)/.exec(output)?.[1];
      if (listening !== undefined) resolve(Number(listening));
    });
    child.once("exit", (code) => {
      if (child.pid !== undefined) groups.delete(child.pid);
      reject(new Error(`the gate ended with ${code}: ${output}`));
    });
  });
  return { process: child, port };
}

/** Calls from many sides until enough were answered; then kills the gate while the others are under way. */
async function callUntilItDies(doomed: Doomed, token: string, receipts: Map<string, number>): Promise<void> {
  const enough = receipts.size + CALLS_BEFORE_THE_END;
  const enoughAnswered = Promise.withResolvers<void>();
  const state = { dead: false };
  const headers = { authorization: `Bearer ${token}` };
  const call = async (n: number): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${doomed.port}/v1/work?${n}`, { headers });
    receipts.set(response.headers.get("request-id") ?? "", Number(response.headers.get("credits-charged")));
    if (receipts.size >= enough) enoughAnswered.resolve();
    await response.arrayBuffer();
  };
  const caller = async (): Promise<void> => {
    for (let n = 1; !state.dead && n < 10_000; n++) {
      try {
        await call(n);
      } catch (error) {
        if (!state.dead) throw error;
      }
    }
  };
  const callers = Promise.all(Array.from({ length: CALLERS }, caller));
  await Promise.race([enoughAnswered.promise, callers]);
  const { pid = 0 } = doomed.process;
  const exit = once(doomed.process, "exit");
  state.dead = true;
  process.kill(-pid, "SIGKILL");
  groups.delete(pid);
  await exit;
  await callers;
}
