/** Proves what an idempotency key says of the call that bound it, and that calls under one key are never charged twice. */
import { describe, expect, it } from "vitest";
import type { Command, HoldCommand } from "../../src/ledger/command.ts";
import { wake } from "../../src/ledger/ledger.ts";
import { captureOf, DAY, grantOf, holdOf, keepOf, NOW, SECOND, voidOf } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import { openAccount, type TestAccount } from "./test-account.ts";

/** A hold of 4 under the key "k", for 90 seconds. */
const keyed = (id: string, more: Partial<HoldCommand> = {}): HoldCommand =>
  holdOf(4, { id, idempotency: { key: "k", digest: "d" }, ...more });
const otherwise = { idempotency: { key: "k", digest: "other" } };
const EXPIRED = NOW + 90 * SECOND;
const inFlight = (releaseAt: number): object => ({ kind: "request_in_flight", releaseAt });
const mismatch = { kind: "idempotency_mismatch" };
/** Grants 10 and carries the commands out. */
const after = (...commands: readonly Command[]): TestAccount => openAccount(grantOf(10), ...commands);

describe("a key, for the same request", () => {
  it("says that the call is in flight while its hold is open, until when at most, and writes nothing", () => {
    const account = after(keyed("h1"));
    const before = contentsOf(account.store);
    for (const at of [NOW, EXPIRED - 1]) expect(account.apply(keyed("h2"), at)).toEqual(inFlight(EXPIRED));
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("says so for five minutes more where the call was charged and its answer is still passing, then gives its receipt", () => {
    const account = after(keyed("h1"));
    const charged = NOW + 5 * SECOND;
    account.apply(captureOf(4), charged);
    const answeredBy = charged + 300 * SECOND;
    for (const at of [charged, answeredBy - 1]) expect(account.apply(keyed("h2"), at)).toEqual(inFlight(answeredBy));
    expect(account.apply(keyed("h2"), answeredBy)).toEqual({
      kind: "already_delivered",
      requestId: "h1",
      credits: 4,
      answer: null,
      balance: { available: 6, held: 0 },
    });
    expect(account.view(answeredBy)).toMatchObject({ available: 6, held: 0, captured: 4 });
  });

  it("gives the answer as soon as it is kept, with the receipt, and writes nothing", () => {
    const account = after(keyed("h1"), captureOf(3), keepOf("hello"));
    const before = contentsOf(account.store);
    expect(account.apply(keyed("h2"))).toEqual({
      kind: "already_delivered",
      requestId: "h1",
      credits: 3,
      answer: { status: 200, headers: [], body: new TextEncoder().encode("hello") },
      balance: { available: 7, held: 0 },
    });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("gives the receipt alone, and at once, where the answer cannot be kept", () => {
    const account = after(keyed("h1"), captureOf(4), keepOf(null));
    expect(account.apply(keyed("h2"))).toMatchObject({ kind: "already_delivered", credits: 4, answer: null });
  });

  it("gives an answer that was kept only after the five minutes, too", () => {
    const account = after(keyed("h1"), captureOf(4));
    account.apply(keepOf("slow"), NOW + 60 * SECOND);
    expect(account.apply(keyed("h2"), NOW + 60 * SECOND)).toMatchObject({ answer: { status: 200 } });
  });

  it("gives the receipt of a call that was charged in part before it expired", () => {
    const account = after(keyed("h1"), captureOf(1, { final: false }));
    expect(account.apply(keyed("h2"), EXPIRED)).toEqual(inFlight(EXPIRED + 300 * SECOND));
    expect(account.apply(keyed("h2"), EXPIRED + 300 * SECOND)).toMatchObject({ kind: "already_delivered", credits: 1 });
  });

  it("is free again once the call was voided, for whatever is asked next", () => {
    expect(after(keyed("h1"), voidOf()).apply(keyed("h2"))).toMatchObject({ kind: "held", replayed: false });
    const account = after(keyed("h1"), voidOf(), keyed("h2", otherwise));
    expect(account.apply(keyed("h3", otherwise))).toEqual(inFlight(EXPIRED));
    expect(account.apply(keyed("h3"))).toEqual(mismatch);
  });

  it("is free again once the call's hold expired uncharged", () => {
    const account = after(keyed("h1"));
    expect(account.apply(keyed("h2", otherwise), EXPIRED)).toMatchObject({ kind: "held", replayed: false });
    expect(account.apply(keyed("h3", otherwise), EXPIRED)).toEqual(inFlight(EXPIRED + 90 * SECOND));
  });

  it("is another where one letter has another case", () => {
    const account = after(keyed("h1"), captureOf(4), keepOf("hello"));
    const shouted = { idempotency: { key: "K", digest: "d" } };
    expect(account.apply(keyed("h2", shouted))).toMatchObject({ kind: "held", replayed: false });
  });
});

describe("a key, for another request", () => {
  it.each<[string, Command[], number]>([
    ["in flight", [], NOW],
    ["charged and not yet answered", [captureOf(4)], NOW],
    ["charged and answered", [captureOf(4), keepOf("hello")], NOW],
    ["charged, its answer not kept", [captureOf(4), keepOf(null)], NOW + 60 * SECOND],
  ])("is refused while the call is %s, and nothing is written", (_, commands, at) => {
    const account = after(keyed("h1"), ...commands);
    const before = contentsOf(account.store);
    expect(account.apply(keyed("h2", otherwise), at)).toEqual(mismatch);
    expect(contentsOf(account.store)).toEqual(before);
  });
});

describe("a key is kept", () => {
  it.each([true, false])("for 24 hours to the millisecond, whether or not the alarm rings (%s)", (rings) => {
    const account = after(keyed("h1"), captureOf(4), keepOf("hello"));
    for (const [at, kind] of [
      [NOW + DAY - 1, "already_delivered"],
      [NOW + DAY, "held"],
    ] as const) {
      if (rings) wake(account.store, at);
      expect(account.apply(keyed("h2"), at)).toMatchObject({ kind });
    }
    expect(account.view(NOW + DAY)).toMatchObject({ captured: 4, held: 4 });
  });

  it("from when it was last bound, not from when it was first seen", () => {
    const account = after(keyed("h1"), voidOf());
    account.apply(keyed("h2"), NOW + DAY / 2);
    account.apply(captureOf(4, { id: "h2" }), NOW + DAY / 2);
    wake(account.store, NOW + DAY);
    expect(account.apply(keyed("h3"), NOW + DAY)).toMatchObject({ kind: "already_delivered", requestId: "h2" });
  });
});

describe("a capture that comes after its hold expired", () => {
  const LATER = EXPIRED + 10 * SECOND;
  /** h1 has expired and h2 has its key. */
  const passedOn = (more: Partial<HoldCommand> = {}): TestAccount => {
    const account = after(keyed("h1"));
    account.apply(keyed("h2", { ttlSeconds: 900, ...more }), EXPIRED);
    return account;
  };

  it.each([{}, otherwise])("is written off whole where its key has passed on to a call in flight (%j)", (more) => {
    const account = passedOn(more);
    expect(account.apply(captureOf(4), LATER)).toMatchObject({ kind: "captured", credits: 0, writtenOff: 4 });
    expect(account.view(LATER)).toMatchObject({ available: 6, held: 4, captured: 0, writtenOff: 4 });
    expect(account.apply(keyed("h3", more), LATER)).toEqual(inFlight(EXPIRED + 900 * SECOND));
  });

  it("is written off whole where its key has passed on to a charged call, whose receipt the key goes on giving", () => {
    const account = passedOn();
    account.apply(captureOf(4, { id: "h2" }), EXPIRED);
    account.apply(keepOf("second", { id: "h2" }), EXPIRED);
    expect(account.apply(captureOf(4), LATER)).toMatchObject({ credits: 0, writtenOff: 4 });
    expect(account.view(LATER)).toMatchObject({ captured: 4, writtenOff: 4 });
    expect(account.apply(keyed("h3"), LATER)).toMatchObject({ requestId: "h2", credits: 4, answer: { status: 200 } });
  });

  it("stays written off when it is reported again after the other call was voided", () => {
    const account = passedOn();
    account.apply(captureOf(4), LATER);
    account.apply(voidOf("h2"), LATER);
    expect(account.apply(captureOf(4), LATER)).toMatchObject({ replayed: true, credits: 0, writtenOff: 4 });
    expect(account.view(LATER)).toMatchObject({ available: 10, captured: 0, writtenOff: 4 });
  });

  it("is charged where the call that had its key next was voided, and has the key from then on", () => {
    const account = passedOn(otherwise);
    account.apply(voidOf("h2"), LATER);
    expect(account.apply(captureOf(4), LATER)).toMatchObject({ credits: 4, writtenOff: 0 });
    account.apply(keepOf("first"), LATER);
    expect(account.apply(keyed("h3"), LATER)).toMatchObject({ kind: "already_delivered", requestId: "h1", credits: 4 });
    expect(account.apply(keyed("h3", otherwise), LATER)).toEqual(mismatch);
  });

  it("is charged where nobody has asked under its key since, and binds it for 24 hours from then", () => {
    const account = after(keyed("h1"));
    const late = NOW + DAY / 2;
    expect(account.apply(captureOf(4), late)).toMatchObject({ credits: 4, writtenOff: 0 });
    account.apply(keepOf("first"), late);
    wake(account.store, NOW + DAY);
    expect(account.apply(keyed("h2"), late + DAY - 1)).toMatchObject({ kind: "already_delivered", requestId: "h1" });
    expect(account.apply(keyed("h2"), late + DAY)).toMatchObject({ kind: "held", replayed: false });
  });

  it("is charged under a key of its own although another key has passed on", () => {
    const account = passedOn({ idempotency: { key: "another", digest: "d" } });
    expect(account.apply(captureOf(4), LATER)).toMatchObject({ credits: 4, writtenOff: 0 });
  });

  it("holds the key even where nothing was left to charge: the call was served", () => {
    const account = after(keyed("h1"));
    account.apply(holdOf(10, { id: "rest", ttlSeconds: 900 }), EXPIRED);
    expect(account.apply(captureOf(4), LATER)).toMatchObject({ credits: 0, writtenOff: 4 });
    expect(account.apply(keyed("h2"), LATER + 300 * SECOND)).toMatchObject({ kind: "already_delivered", credits: 0 });
  });
});

describe("a hold that is refused", () => {
  it.each<[string, Command[], Partial<HoldCommand>]>([
    ["insufficient_balance", [holdOf(10, { id: "all" })], {}],
    ["spend_limit_reached", [], { cap: { jti: "t1", credits: 3 as never, until: NOW + DAY } }],
    ["included", [{ op: "plan", plan: "pro", until: null }], { includedBy: ["pro"] }],
    ["account_suspended", [{ op: "status", status: "suspended" }], {}],
    ["token_revoked", [{ op: "revoke", jti: "t1", until: NOW + DAY }], {}],
  ])("with %s does not bind its key", (kind, commands, more) => {
    const account = after(...commands);
    const before = contentsOf(account.store);
    expect(account.apply(keyed("h1", more))).toMatchObject({ kind });
    expect(contentsOf(account.store)).toEqual(before);
    account.apply({ op: "status", status: "active" });
    account.apply(grantOf(10, { id: "g2" }));
    const fresh = { token: { jti: "t2", issuedAt: NOW / SECOND }, ...otherwise };
    expect(account.apply(keyed("h2", fresh))).toMatchObject({ kind: "held", replayed: false });
  });
});

describe("a hold sent again under its own id", () => {
  it.each<[string, Command[], string]>([
    ["held", [], "held"],
    ["captured", [captureOf(4)], "captured"],
    ["captured and answered", [captureOf(4), keepOf("hello")], "captured"],
    ["voided", [voidOf()], "voided"],
  ])("is the same hold, %s, and no second call under its key", (_, commands, state) => {
    const account = after(keyed("h1"), ...commands);
    expect(account.apply(keyed("h1"))).toMatchObject({ kind: "held", replayed: true, state });
  });

  it.each([null, { key: "k2", digest: "d" }, { key: "k", digest: "other" }])(
    "with %j for its key is a conflict",
    (idempotency) => {
      expect(after(keyed("h1")).apply(keyed("h1", { idempotency }))).toEqual({ kind: "conflict" });
      expect(after(holdOf(4)).apply(keyed("h1"))).toEqual({ kind: "conflict" });
    },
  );
});

describe("what is said first", () => {
  const delivered = [keyed("h1"), captureOf(4), keepOf("hello")];

  it("is that the account is suspended, or the token revoked: neither gets an answer again", () => {
    const suspended = after(...delivered, { op: "status", status: "suspended" });
    expect(suspended.apply(keyed("h2"))).toEqual({ kind: "account_suspended" });
    expect(suspended.apply(keyed("h2", otherwise))).toEqual({ kind: "account_suspended" });
    const revoked = after(...delivered, { op: "revoke", jti: "t1", until: NOW + DAY });
    expect(revoked.apply(keyed("h2"))).toEqual({ kind: "token_revoked" });
    const all = after(...delivered, { op: "revoke_all", issuedAt: NOW / SECOND });
    expect(all.apply(keyed("h2"))).toEqual({ kind: "token_revoked" });
  });

  it.each<[string, Command[], Partial<HoldCommand>]>([
    ["want of money", [holdOf(6, { id: "all" })], {}],
    ["the plan", [{ op: "plan", plan: "pro", until: null }], { includedBy: ["pro"] }],
    ["the token's cap", [], { cap: { jti: "t1", credits: 1 as never, until: NOW + DAY } }],
  ])("after that is the key, before %s", (_, commands, more) => {
    const account = after(...delivered, ...commands);
    expect(account.apply(keyed("h2", more))).toMatchObject({ kind: "already_delivered", requestId: "h1" });
    expect(account.apply(keyed("h2", { ...more, ...otherwise }))).toEqual(mismatch);
  });
});
