/** Proves what the memory of refusals repeats, that it repeats nothing else, and when it forgets. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Command, HoldCommand, Insufficient, Outcome } from "../../src/ledger/command.ts";
import { Refusals } from "../../src/ledger/refusals.ts";
import { captureOf, DAY, grantOf, holdOf, keepOf, NOW, refundOf, reverseOf, voidOf } from "../support/command.ts";

let now = NOW;
let memory = new Refusals(() => now);
beforeEach(() => {
  now = NOW;
  memory = new Refusals(() => now);
});

/** What the ledger says to a call of `required` on an account that has 3 and whose calls hold 4. */
const refusal = (required: number, more: Partial<Insufficient> = {}): Insufficient => ({
  kind: "insufficient_balance",
  required,
  usable: { available: 3, held: 4 },
  releaseAt: NOW + DAY,
  balance: { available: 3, held: 4 },
  ...more,
});
/** A call of 8 is refused this many times. */
function refused(times: number, more: Partial<HoldCommand> = {}, outcome: Outcome = refusal(8), account = "a"): void {
  for (let n = 0; n < times; n++) memory.hear(account, holdOf(8, more), outcome, now);
}
const recall = (amount = 8, more: Partial<HoldCommand> = {}, account = "a"): Insufficient | undefined =>
  memory.recall(account, holdOf(amount, more));

describe("a refusal", () => {
  it("is remembered once an account was refused five times, word for word but for its mark", () => {
    refused(4);
    expect(recall()).toBeUndefined();
    refused(1);
    expect(recall()).toEqual({ ...refusal(8), remembered: true });
  });

  it("is remembered for dearer calls, which are told their own price, and for no cheaper ones", () => {
    refused(5);
    expect(recall(9)).toEqual({ ...refusal(9), remembered: true });
    expect(recall(7)).toBeUndefined();
  });

  it("is remembered for its route only: credits may be bound to another", () => {
    refused(5);
    expect(recall(8, { route: "POST /v1/reports" })).toBeUndefined();
  });

  it("is remembered where the account has plenty for other routes, and not where enough of it is held for this one", () => {
    const balance = { available: 500, held: 500 };
    refused(5, {}, refusal(8, { balance, usable: { available: 3, held: 4 } }));
    expect(recall()).toBeDefined();
    refused(5, {}, refusal(8, { balance, usable: { available: 0, held: 8 } }), "b");
    expect(recall(8, {}, "b")).toBeUndefined();
  });

  it("is remembered for its account only", () => {
    refused(5);
    expect(recall(8, {}, "b")).toBeUndefined();
    refused(4, {}, refusal(8), "b");
    expect(recall(8, {}, "b")).toBeUndefined();
  });

  it("is never the answer to a call with a key, which may have been paid already", () => {
    refused(9);
    expect(recall(8, { idempotency: { key: "k", digest: "d" } })).toBeUndefined();
    expect(recall()).toBeDefined();
  });

  it.each<Command>([grantOf(1), captureOf(8), voidOf(), keepOf("hello"), refundOf(1), reverseOf()])(
    "is never the answer to anything but a hold: $op",
    (command) => {
      refused(9);
      expect(memory.recall("a", command)).toBeUndefined();
    },
  );
});

describe("what is not remembered", () => {
  it("is want of credits that calls in flight may give back: 7 of 7", () => {
    refused(9, {}, refusal(7));
    expect(recall(7)).toBeUndefined();
    expect(recall(100)).toBeUndefined();
  });

  it.each<Outcome>([
    { kind: "spend_limit_reached", limit: 5, spent: 5 },
    { kind: "account_suspended" },
    { kind: "token_revoked" },
    { kind: "idempotency_mismatch" },
    { kind: "limit_exceeded" },
    { kind: "held", replayed: false, state: "held", balance: { available: 0, held: 8 } },
  ])("is any other answer: $kind", (outcome) => {
    refused(9, {}, outcome);
    expect(recall()).toBeUndefined();
  });

  it("is that nothing was answered", () => {
    for (let n = 0; n < 9; n++) memory.hear("a", holdOf(8), undefined, now);
    expect(recall()).toBeUndefined();
  });
});

describe("forgetting", () => {
  it("comes a second after the first refusal, and then five more are needed", () => {
    refused(1);
    now += 900;
    refused(4);
    now += 99;
    expect(recall()).toBeDefined();
    now += 1;
    expect(recall()).toBeUndefined();
    refused(4);
    expect(recall()).toBeUndefined();
    refused(1);
    expect(recall()).toBeDefined();
  });

  it("comes of refusals that are spread over more than a second", () => {
    for (let n = 0; n < 30; n++) {
      expect(recall()).toBeUndefined();
      refused(1);
      now += 250;
    }
  });

  it.each<[string, Command]>([
    ["a grant", grantOf(1)],
    ["a refund", refundOf(1)],
    ["a reversal", reverseOf()],
    ["a plan", { op: "plan", plan: "pro", until: null }],
    ["a status", { op: "status", status: "suspended" }],
    ["a revocation", { op: "revoke", jti: "t1", until: NOW + DAY }],
    ["a revocation of all", { op: "revoke_all", issuedAt: 1 }],
  ])("comes at once with %s, also one that the ledger did not answer", (_, command) => {
    for (const outcome of [{ kind: "changed" } as const, undefined]) {
      refused(5);
      expect(recall()).toBeDefined();
      memory.hear("a", command, outcome, now);
      expect(recall()).toBeUndefined();
      now += 1;
    }
  });

  it("holds against refusals that were on their way when new credits came", () => {
    const askedAt = now;
    now += 1;
    memory.hear("a", grantOf(1), { kind: "conflict" }, now);
    now += 1;
    for (let n = 0; n < 9; n++) memory.hear("a", holdOf(8), refusal(8), askedAt);
    expect(recall()).toBeUndefined();
    refused(5);
    expect(recall()).toBeDefined();
  });

  it("of one question leaves another of the same account: calls by turns are remembered each", () => {
    const other = { route: "POST /v1/reports" };
    for (let n = 0; n < 5; n++) {
      refused(1);
      refused(1, other);
    }
    expect(recall()).toBeDefined();
    expect(recall(8, other)).toBeDefined();
  });

  it("does not come with what other calls of the account report, nor with another account's grant", () => {
    refused(5);
    memory.hear("a", captureOf(1), { kind: "hold_not_found" }, now);
    memory.hear("a", voidOf(), { kind: "hold_not_found" }, now);
    memory.hear("a", keepOf("hello"), { kind: "kept" }, now);
    memory.hear("b", grantOf(1), { kind: "conflict" }, now);
    expect(recall()).toBeDefined();
  });

  it("comes to what was noted first when there is more than 1,000", () => {
    for (let n = 0; n < 1000; n++) refused(5, {}, refusal(8), `account ${n}`);
    expect(recall(8, {}, "account 0")).toBeDefined();
    refused(5, {}, refusal(8), "one more");
    const known = Array.from({ length: 1000 }, (_, n) => recall(8, {}, `account ${n}`) !== undefined);
    expect(known.indexOf(true)).toBe(1);
    expect(known.filter((is) => is)).toHaveLength(999);
    expect(recall(8, {}, "one more")).toBeDefined();
  });
});
