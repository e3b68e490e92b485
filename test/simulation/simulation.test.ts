/** Proves that simulated histories break no law, and that the simulation would notice if they did. */
import { describe, expect, it } from "vitest";
import { apply } from "../../src/ledger/ledger.ts";
import { Stage } from "./history.ts";
import { OP_KINDS, planFrom } from "./plan.ts";
import { REAL_RULES, type Rules } from "./rules.ts";
import { run } from "./run.ts";

/** FAREBOX_SEED repeats a run; the seed of every run is printed. */
const SEED = Number(process.env["FAREBOX_SEED"] ?? Date.now() % 2 ** 31);
console.info(`simulation: FAREBOX_SEED=${SEED}`);

/** Every answer the ledger can give, and what else a history must come to for the laws to have been tried. */
const OUTCOMES = [
  ...["granted", "conflict", "already_expired"].map((kind) => `answer grant: ${kind}`),
  ...["held", "conflict", "account_suspended", "token_revoked", "included", "insufficient_balance"].map(
    (kind) => `answer hold: ${kind}`,
  ),
  ...["idempotency_mismatch", "request_in_flight", "already_delivered", "spend_limit_reached"].map(
    (kind) => `answer hold: ${kind}`,
  ),
  ...["kept", "hold_not_found", "nothing_charged", "key_passed_on"].map((kind) => `answer keep: ${kind}`),
  ...["captured", "hold_not_found", "exceeds_hold", "hold_resolved"].map((kind) => `answer capture: ${kind}`),
  ...["voided", "hold_not_found", "hold_resolved"].map((kind) => `answer void: ${kind}`),
  ...["refunded", "conflict", "hold_not_found", "nothing_charged", "exceeds_charge"].map(
    (kind) => `answer refund: ${kind}`,
  ),
  ...["reversed", "grant_not_found"].map((kind) => `answer reverse: ${kind}`),
  ...["status", "plan", "revoke", "revoke_all"].map((op) => `answer ${op}: changed`),
  ...["account", "access", "entries", "account of a stranger"].map((what) => `read ${what}`),
  ...["answered", "lost", "answer_lost", "overdue", "copied", "outage", "stray arrived"].map(
    (fate) => `network ${fate}`,
  ),
  ...["ok", "fails", "never", "unheard"].flatMap((deed) => [`origin ${deed}`, `purse pays: ${deed}`]),
  ...["charged", "not_charged", "refused", "unavailable"].flatMap((told) => [
    `call told ${told}`,
    `purse told ${told}`,
  ]),
  "call captured",
  "call written off",
  "call lost in a crash",
  "purse lost in a crash",
  "loss by a gate's crash",
  "loss by reports that never arrived",
  "hold forgotten after its retention",
  "turn crashed",
  "turn fault",
];

describe("simulated histories", () => {
  it("break no law, and in 5,000 of them everything that can happen does", { timeout: 120_000 }, () => {
    const { failure, tally } = run({ seed: SEED, histories: 5000 });
    expect(failure).toBeNull();
    expect(OP_KINDS.filter((kind) => !tally.has(`op ${kind}`))).toEqual([]);
    expect(OUTCOMES.filter((what) => !tally.has(what))).toEqual([]);
  });
});

/** The real rules, but a hold that was captured can be voided: its credits come back to an account that was charged. */
const VOID_AFTER_CAPTURE: Rules = {
  ...REAL_RULES,
  apply(store, command, now) {
    const outcome = apply(store, command, now);
    if (command.op === "void" && outcome.kind === "hold_resolved" && outcome.as === "captured") {
      store.exec(`UPDATE account SET granted = granted + 1, available = available + 1 WHERE id = 1`);
    }
    return outcome;
  },
};

describe("the simulation", () => {
  it("plays the same history again from the same seed, to the same journal", () => {
    const digests = [1, 2, 1].map((n) => {
      const stage = new Stage();
      for (const before of n === 2 ? [] : [SEED + 7]) stage.play(planFrom(before), new Map());
      stage.play(planFrom(SEED + n), new Map());
      return stage.digest();
    });
    expect(digests[2]).toBe(digests[0]);
    expect(digests[1]).not.toBe(digests[0]);
  });

  it(
    "finds a planted bug, tells it as a short story, and finds it again by the seed it names",
    { timeout: 60_000 },
    () => {
      const { failure } = run({ seed: SEED, histories: 20_000, rules: VOID_AFTER_CAPTURE });
      expect(failure?.law).toBe("conservation");
      // A grant, a hold, its capture, its void.
      expect(failure?.plan.ops.length).toBeLessThanOrEqual(5);
      expect(failure?.story.join("\n")).toContain("void");
      const again = run({ seed: failure?.seed ?? 0, histories: 1, rules: VOID_AFTER_CAPTURE });
      expect(again.failure).toEqual({ ...failure, after: 1 });
    },
  );
});
