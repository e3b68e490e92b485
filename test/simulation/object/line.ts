/**
 * The line between the ledger's own client and an object: the calls are real, and each may meet one interruption.
 * The client waits and retries as ever, only faster: the time between its attempts is left out.
 */
import { vi } from "vitest";
import type { Account } from "../../../src/ledger/account.ts";
import { connectLedger, type Ledger } from "../../../src/ledger/client.ts";
import type { Command, Query } from "../../../src/ledger/command.ts";
import { ACCOUNTS } from "../../ledger/objects.ts";
import { interrupt, type Interruption } from "./faults.ts";

/** Longer waits of the client are for an answer, shorter ones between attempts. */
const PATIENCE_MS = 3_000;
const waiting = new Map<unknown, () => void>();

/** Has clients wait for nothing but answers; vi.unstubAllGlobals() gives the waiting back. */
export function hurryClients(): void {
  const { setTimeout: later, clearTimeout: cancel } = globalThis;
  vi.stubGlobal("setTimeout", (callback: () => void, ms = 0) => {
    const timer: unknown = later(callback, ms < PATIENCE_MS ? 0 : ms);
    if (ms >= PATIENCE_MS) waiting.set(timer, callback);
    return timer;
  });
  vi.stubGlobal("clearTimeout", (timer: Parameters<typeof cancel>[0]) => {
    waiting.delete(timer);
    cancel(timer);
  });
}

function giveUp(): void {
  for (const callback of waiting.values()) callback();
}

/** What a line tells of an interrupted attempt, before the client hears of it. */
export type Told = (interruption: Interruption, failed: boolean) => Promise<void>;

/** A client of its own, as in an isolate that never heard of the account; `next` draws what its next attempt meets. */
export function callThrough(next: () => Interruption | undefined, told: Told): Ledger {
  const attempt = async (call: () => Promise<unknown>): Promise<unknown> => {
    const interruption = next();
    if (!interruption) return call();
    try {
      const answer = await interrupt(interruption, call, async () => {
        await told(interruption, true);
        giveUp();
      });
      await told(interruption, false);
      return answer;
    } catch (error) {
      await told(interruption, true);
      throw error;
    }
  };
  const stubOf = (account: string): object => {
    const stub = ACCOUNTS.getByName(account);
    return {
      apply: async (version: number, command: Command) => attempt(async () => stub.apply(version, command)),
      read: async (version: number, query: Query) => attempt(async () => stub.read(version, query)),
    };
  };
  const accounts: unknown = { getByName: stubOf };
  return connectLedger(accounts as DurableObjectNamespace<Account>);
}
