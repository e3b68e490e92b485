/**
 * Proves how the ledger's client meets an object that fails, hangs or refuses: bounded in time, the same command again.
 *
 * Stand-ins for the namespace, because a real object cannot be made to hang; client.worker.test.ts has the real ones.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Account } from "../../src/ledger/account.ts";
import { connectLedger, type Ledger } from "../../src/ledger/client.ts";
import { RPC_VERSION } from "../../src/ledger/command.ts";
import { only } from "../../src/ledger/store.ts";
import { captureOf, grantOf, holdOf } from "../support/command.ts";

type Call = { readonly stub: number; readonly method: string; readonly version: number; readonly sent: unknown };
type Behaviour = () => Promise<unknown>;

function connectTo(standIn: object): Ledger {
  const accounts = standIn as DurableObjectNamespace<Account>;
  return connectLedger(accounts);
}

/** A namespace whose nth call behaves as the nth of `behaviours`, the last one for ever. */
function accountsThat(...behaviours: Behaviour[]): { ledger: Ledger; calls: Call[] } {
  const calls: Call[] = [];
  let stubs = 0;
  const getByName = (): unknown => {
    const stub = ++stubs;
    const method = (name: string) => async (version: number, sent: unknown) => {
      calls.push({ stub, method: name, version, sent });
      return only(behaviours.slice(Math.min(calls.length, behaviours.length) - 1))();
    };
    return { apply: method("apply"), read: method("read") };
  };
  return { ledger: connectTo({ getByName }), calls };
}

const outcome = { kind: "granted", replayed: false, balance: { available: 10, held: 0 } };
const answers: Behaviour = async () => outcome;
const breaks: Behaviour = async () => {
  throw new Error("Network connection lost.");
};
const isOverloaded: Behaviour = async () => {
  throw Object.assign(new Error("Durable Object is overloaded."), { overloaded: true, retryable: true });
};
const breaksLate: Behaviour = async () =>
  new Promise((_, reject) => {
    setTimeout(() => {
      reject(new Error("late"));
    }, 20_000);
  });
const hangs: Behaviour = async () => new Promise(() => undefined);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What `promise` gives, and after how many milliseconds. */
async function timed<T>(promise: Promise<T>): Promise<{ value: T; ms: number }> {
  const start = Date.now();
  const done = promise.then((value) => ({ value, ms: Date.now() - start }));
  await vi.advanceTimersByTimeAsync(60_000);
  return done;
}

describe("an object that answers", () => {
  it("is asked once, in the version this gate speaks", async () => {
    const { ledger, calls } = accountsThat(answers);
    expect(await ledger.apply("alice", grantOf(10))).toEqual(outcome);
    expect(calls).toEqual([{ stub: 1, method: "apply", version: RPC_VERSION, sent: grantOf(10) }]);
  });

  it("leaves no timer behind", async () => {
    const { ledger } = accountsThat(answers);
    await ledger.apply("alice", grantOf(10));
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an object that breaks", () => {
  it("is asked again, by a new stub, with the very same command", async () => {
    const { ledger, calls } = accountsThat(breaks, answers);
    const { value, ms } = await timed(ledger.apply("alice", grantOf(10)));
    expect(value).toEqual(outcome);
    expect(ms).toBeLessThanOrEqual(500);
    expect(calls.map(({ sent }) => sent)).toEqual([grantOf(10), grantOf(10)]);
    expect(calls.map(({ stub }) => stub)).toEqual([1, 2]);
  });

  it("every time is unavailable, soon, and says why", async () => {
    const { ledger, calls } = accountsThat(breaks);
    const { value, ms } = await timed(ledger.apply("alice", holdOf(1)));
    expect(value).toEqual({ kind: "unavailable", why: "Error: Network connection lost." });
    expect(ms).toBeLessThanOrEqual(500);
    expect(calls).toHaveLength(2);
  });

  it("when it is read is asked again too, and then unavailable", async () => {
    const { ledger, calls } = accountsThat(breaks);
    const { value } = await timed(ledger.read("alice", { read: "account" }));
    expect(value).toMatchObject({ kind: "unavailable" });
    expect(calls.map(({ method }) => method)).toEqual(["read", "read"]);
  });

  it("before it is even called is no exception either", async () => {
    const ledger = connectTo({});
    const { value } = await timed(ledger.apply("alice", holdOf(1)));
    expect(value).toMatchObject({ kind: "unavailable" });
  });
});

describe("an object that hangs", () => {
  it("is unavailable within ten seconds", async () => {
    const { ledger, calls } = accountsThat(hangs);
    const { value, ms } = await timed(ledger.apply("alice", holdOf(1)));
    expect(value).toMatchObject({ kind: "unavailable", why: expect.stringContaining("no answer within") });
    expect(ms).toBeLessThanOrEqual(10_000);
    expect(calls.map(({ sent }) => sent)).toEqual([holdOf(1), holdOf(1)]);
  });

  it("once is asked again, and its answer counts", async () => {
    const { ledger } = accountsThat(hangs, answers);
    const { value } = await timed(ledger.apply("alice", grantOf(10)));
    expect(value).toEqual(outcome);
  });

  it("and breaks after it was given up does no harm", async () => {
    const { ledger } = accountsThat(breaksLate, answers);
    const { value } = await timed(ledger.apply("alice", grantOf(10)));
    expect(value).toEqual(outcome);
  });
});

describe("an object that is overloaded", () => {
  it("is not asked again: that would add to its queue", async () => {
    const { ledger, calls } = accountsThat(isOverloaded, answers);
    const { value, ms } = await timed(ledger.apply("alice", holdOf(1)));
    expect(value).toMatchObject({ kind: "unavailable", why: expect.stringContaining("overloaded") });
    expect(ms).toBe(0);
    expect(calls).toHaveLength(1);
  });

  it("is asked again for the charge of a served call, until it answers", async () => {
    const { ledger, calls } = accountsThat(isOverloaded, breaks, isOverloaded, isOverloaded, answers);
    const { value } = await timed(ledger.apply("alice", captureOf(1)));
    expect(value).toEqual(outcome);
    expect(calls).toHaveLength(5);
  });
});

describe("an object that will not carry it out", () => {
  it.each([
    ["a fault", { kind: "fault" }, "bug"],
    ["a version it does not speak", { kind: "unsupported_version", supported: [7] }, "7"],
  ])("for %s is unavailable and not asked again: the answer would be the same", async (_, answer, why) => {
    const { ledger, calls } = accountsThat(async () => answer);
    const { value } = await timed(ledger.apply("alice", holdOf(1)));
    expect(value).toEqual({ kind: "unavailable", why: expect.stringContaining(why) });
    expect(calls).toHaveLength(1);
  });
});

const refusal = (required: number): object => {
  const none = { available: 0, held: 0 };
  return { kind: "insufficient_balance", required, usable: none, releaseAt: null, balance: none };
};
const refuses: Behaviour = async () => refusal(1);

describe("a storm of calls on an empty account", () => {
  it("asks the object five times a second, and every call is told the same", async () => {
    const { ledger, calls } = accountsThat(refuses);
    for (let n = 0; n < 1000; n++) {
      expect(await ledger.apply("alice", holdOf(1, { id: `h${n}` }))).toMatchObject(refusal(1));
      vi.advanceTimersByTime(2);
    }
    // Two seconds.
    expect(calls).toHaveLength(10);
  });

  it("asks it no more than that and the calls already under way, when they come at once", async () => {
    const { ledger, calls } = accountsThat(refuses);
    const worker = async (name: number): Promise<void> => {
      for (let n = 0; n < 50; n++) await ledger.apply("alice", holdOf(1, { id: `h${name}.${n}` }));
    };
    await Promise.all(Array.from({ length: 20 }, async (_, name) => worker(name)));
    expect(calls.length).toBeGreaterThanOrEqual(5);
    expect(calls.length).toBeLessThanOrEqual(5 + 20);
  });

  it("does not keep the next call from the object once credits were granted through this gate", async () => {
    const held = { kind: "held", replayed: false, state: "held", balance: { available: 9, held: 1 } };
    const { ledger, calls } = accountsThat(...Array.from({ length: 5 }, () => refuses), answers, async () => held);
    for (let n = 0; n < 100; n++) await ledger.apply("alice", holdOf(1, { id: `h${n}` }));
    expect(calls).toHaveLength(5);
    await ledger.apply("alice", grantOf(10));
    expect(await ledger.apply("alice", holdOf(1))).toEqual(held);
    expect(calls).toHaveLength(7);
  });

  it("does not either after a grant of which nobody knows whether it was carried out", async () => {
    const { ledger, calls } = accountsThat(...Array.from({ length: 5 }, () => refuses), breaks, breaks, refuses);
    for (let n = 0; n < 100; n++) await ledger.apply("alice", holdOf(1, { id: `h${n}` }));
    const granting = ledger.apply("alice", grantOf(10));
    await vi.advanceTimersByTimeAsync(200);
    expect(await granting).toMatchObject({ kind: "unavailable" });
    await ledger.apply("alice", holdOf(1));
    expect(calls).toHaveLength(8);
  });

  it("keeps nothing from the object on accounts that calls in flight may give credits back to", async () => {
    const busy = { ...refusal(1), usable: { available: 0, held: 1 } };
    const { ledger, calls } = accountsThat(async () => busy);
    for (let n = 0; n < 100; n++) await ledger.apply("alice", holdOf(1, { id: `h${n}` }));
    expect(calls).toHaveLength(100);
  });
});
