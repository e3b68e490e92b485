/** Proves that suspension, revocation and plans decide over a hold from the very command after they are set. */
import { describe, expect, it } from "vitest";
import type { Command, Outcomes } from "../../src/ledger/command.ts";
import { read, wake } from "../../src/ledger/ledger.ts";
import { captureOf, DAY, grantOf, holdOf, NOW, SECOND } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import { openAccount } from "./test-account.ts";

const ISSUED = NOW / SECOND;
const suspend: Command = { op: "status", status: "suspended" };
const resume: Command = { op: "status", status: "active" };
const plan = (name: string | null, until: number | null = null): Command => ({ op: "plan", plan: name, until });
const revoke = (jti: string, until = NOW + DAY): Command => ({ op: "revoke", jti, until });
const revokeAll = (issuedAt: number): Command => ({ op: "revoke_all", issuedAt });

type Try = { jti?: string | null; issuedAt?: number; includedBy?: string[]; at?: number };
/** What a hold of 1 is answered after `commands`. */
function afterwards(commands: readonly Command[], how: Try = {}): Outcomes["hold"]["kind"] {
  const { jti = "t1", issuedAt = ISSUED, includedBy = [], at = NOW } = how;
  return openAccount(grantOf(10), ...commands).apply(holdOf(1, { token: { jti, issuedAt }, includedBy }), at).kind;
}

describe("a suspended account", () => {
  it("gets no hold until it is resumed", () => {
    expect(afterwards([suspend])).toBe("account_suspended");
    expect(afterwards([suspend, suspend])).toBe("account_suspended");
    expect(afterwards([suspend, resume])).toBe("held");
  });

  it("gets none on a route its plan includes either", () => {
    expect(afterwards([plan("pro"), suspend], { includedBy: ["pro"] })).toBe("account_suspended");
  });

  it("still takes grants and gives back what calls in flight held", () => {
    const account = openAccount(grantOf(10), holdOf(4), suspend, captureOf(1), grantOf(5, { id: "g2" }));
    expect(account.view()).toMatchObject({ status: "suspended", available: 14, held: 0 });
  });
});

describe("a revoked token", () => {
  it("gets no hold; the account's other tokens do", () => {
    expect(afterwards([revoke("t1")])).toBe("token_revoked");
    expect(afterwards([revoke("t1")], { jti: "t2" })).toBe("held");
    expect(afterwards([revoke("t1")], { jti: null })).toBe("held");
  });

  it("gets none on a route the plan includes either", () => {
    expect(afterwards([plan("pro"), revoke("t1")], { includedBy: ["pro"] })).toBe("token_revoked");
  });

  it("stays revoked when it is revoked twice", () => {
    expect(afterwards([revoke("t1"), revoke("t1")])).toBe("token_revoked");
  });

  it("is forgotten by an alarm only after the time it could have been valid", () => {
    const account = openAccount(grantOf(10), revoke("t1", NOW + SECOND));
    wake(account.store, NOW + SECOND);
    expect(account.apply(holdOf(1), NOW + SECOND)).toEqual({ kind: "token_revoked" });
    wake(account.store, NOW + SECOND + 1);
    expect(contentsOf(account.store)["revoked_tokens"]).toEqual([]);
  });

  it("revoked twice stays so until the later of the two times", () => {
    const account = openAccount(grantOf(10), revoke("t1", NOW + SECOND), revoke("t1", NOW + DAY));
    wake(account.store, NOW + 2 * SECOND);
    expect(account.apply(holdOf(1), NOW + 2 * SECOND)).toEqual({ kind: "token_revoked" });
  });
});

describe("revoking all tokens", () => {
  it.each([
    [ISSUED - 1, "token_revoked"],
    [ISSUED, "token_revoked"],
    [ISSUED + 1, "held"],
  ])("issued at or before a second refuses one issued at %d: %s", (issuedAt, kind) => {
    expect(afterwards([revokeAll(ISSUED)], { issuedAt })).toBe(kind);
    expect(afterwards([revokeAll(ISSUED)], { issuedAt, jti: null })).toBe(kind);
  });

  it("is never taken back by an earlier second", () => {
    expect(afterwards([revokeAll(ISSUED), revokeAll(ISSUED - 100)])).toBe("token_revoked");
    expect(openAccount(revokeAll(ISSUED), revokeAll(ISSUED - 100)).view().tokensRevokedAt).toBe(ISSUED);
  });
});

describe("a plan", () => {
  const included = { includedBy: ["basic", "pro"] };
  it("lets its account in on the routes it includes, without holding anything", () => {
    const account = openAccount(plan("pro"));
    const before = contentsOf(account.store);
    expect(account.apply(holdOf(100, included))).toEqual({ kind: "included", balance: { available: 0, held: 0 } });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("does not on others, nor does another plan, nor no plan", () => {
    expect(afterwards([plan("pro")])).toBe("held");
    expect(afterwards([plan("team")], included)).toBe("held");
    expect(afterwards([], included)).toBe("held");
    expect(afterwards([plan("pro"), plan(null)], included)).toBe("held");
  });

  it.each([
    [NOW + DAY - 1, "included"],
    [NOW + DAY, "held"],
  ])("that ends at a time is answered by it at %d: %s", (at, kind) => {
    expect(afterwards([plan("pro", NOW + DAY)], { ...included, at })).toBe(kind);
  });

  it("set again without an end has none, whatever the one before had", () => {
    const at = NOW + 2 * DAY;
    expect(afterwards([plan("pro", NOW + DAY), plan("pro")], { ...included, at })).toBe("included");
  });

  it("is shown while it lasts", () => {
    const account = openAccount(plan("pro", NOW + DAY));
    expect(account.view(NOW + DAY - 1)).toMatchObject({ plan: "pro", planUntil: NOW + DAY });
    expect(account.view(NOW + DAY)).toMatchObject({ plan: null, planUntil: null });
  });
});

describe("a reading of access", () => {
  const token = { jti: "t1", issuedAt: ISSUED };
  const access = (...commands: Command[]): unknown =>
    read(openAccount(grantOf(10), ...commands).store, { read: "access", token }, NOW);

  it("says what a hold would find", () => {
    expect(access()).toEqual({ suspended: false, revoked: false, plan: null });
    expect(access(suspend)).toEqual({ suspended: true, revoked: false, plan: null });
    expect(access(revoke("t1"))).toEqual({ suspended: false, revoked: true, plan: null });
    expect(access(revokeAll(ISSUED))).toEqual({ suspended: false, revoked: true, plan: null });
    expect(access(plan("pro", NOW + 1))).toEqual({ suspended: false, revoked: false, plan: "pro" });
    expect(access(plan("pro", NOW))).toEqual({ suspended: false, revoked: false, plan: null });
  });
});

describe("a change of settings", () => {
  it.each([
    ["status", suspend],
    ["plan", plan("pro")],
    ["revoke", revoke("t1")],
    ["revoke_all", revokeAll(ISSUED)],
  ])("of %s is answered changed, moves no credits, writes no entry and raises the version", (_, command) => {
    const account = openAccount(grantOf(10));
    const before = account.view();
    expect(account.apply(command)).toEqual({ kind: "changed" });
    expect(account.view()).toMatchObject({ available: 10, held: 0 });
    expect(account.view().version).toBeGreaterThan(before.version);
    expect(account.entries()).toHaveLength(1);
  });
});
