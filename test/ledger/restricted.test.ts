/** Proves that a grant for some routes pays for those routes only, and that a refusal says what could have paid. */
import { describe, expect, it } from "vitest";
import { captureOf, grantOf, holdOf, voidOf } from "../support/command.ts";
import { openAccount } from "./test-account.ts";

const SEARCH = "GET /v1/search";
const REPORTS = "POST /v1/reports";
const forSearch = grantOf(10, { id: "search", routes: [SEARCH] });
const forReports = grantOf(10, { id: "reports", routes: [REPORTS] });
const forBoth = grantOf(10, { id: "both", routes: [SEARCH, REPORTS] });
const forAll = grantOf(10, { id: "all" });

describe("a restricted grant", () => {
  it.each([
    [forSearch, SEARCH, "held"],
    [forSearch, REPORTS, "insufficient_balance"],
    [forBoth, SEARCH, "held"],
    [forBoth, REPORTS, "held"],
    [forAll, REPORTS, "held"],
    [grantOf(10, { routes: [] }), SEARCH, "insufficient_balance"],
    [grantOf(10, { routes: ["GET /v1"] }), SEARCH, "insufficient_balance"],
    [grantOf(10, { routes: ["get /v1/search"] }), SEARCH, "insufficient_balance"],
  ])("case %#: pays for the routes it names and for no other", (grant, route, kind) => {
    expect(openAccount(grant).apply(holdOf(1, { route }))).toMatchObject({ kind });
  });

  it("is passed over when it ranks first and may not pay", () => {
    const account = openAccount({ ...forReports, priority: 0 }, forAll, holdOf(4));
    expect(account.view().grants).toMatchObject([
      { id: "reports", remaining: 10 },
      { id: "all", remaining: 6 },
    ]);
  });

  it("gets back what came from it, and it stays restricted", () => {
    const account = openAccount(forSearch, holdOf(10), voidOf());
    expect(account.apply(holdOf(1, { id: "h2", route: REPORTS }))).toMatchObject({ kind: "insufficient_balance" });
    expect(account.apply(holdOf(10, { id: "h3" }))).toMatchObject({ kind: "held" });
  });

  it("shows its routes to whoever asks", () => {
    expect(openAccount(forBoth).view().grants).toMatchObject([{ routes: [SEARCH, REPORTS] }]);
    expect(openAccount(forAll).view().grants).toMatchObject([{ routes: null }]);
  });
});

describe("insufficient_balance", () => {
  it("tells what may pay for the route from what the account has", () => {
    const account = openAccount(forSearch, forReports, forAll);
    expect(account.apply(holdOf(21))).toEqual({
      kind: "insufficient_balance",
      required: 21,
      usable: { available: 20, held: 0 },
      releaseAt: null,
      balance: { available: 30, held: 0 },
    });
  });

  it("counts as held and usable only what calls in flight hold of grants that may pay", () => {
    const account = openAccount(forSearch, forReports);
    account.apply(holdOf(3, { id: "s", route: SEARCH }));
    account.apply(holdOf(5, { id: "r", route: REPORTS }));
    expect(account.apply(holdOf(11, { route: SEARCH }))).toMatchObject({
      usable: { available: 7, held: 3 },
      balance: { available: 12, held: 8 },
    });
  });

  it("leaves out of held what a partial capture has charged", () => {
    const account = openAccount(forSearch, forReports, holdOf(6), captureOf(4, { final: false }));
    expect(account.apply(holdOf(10, { id: "h2" }))).toMatchObject({ usable: { available: 4, held: 2 } });
  });

  it("of an account that never had a restricted grant counts all that is held", () => {
    const account = openAccount(forAll, holdOf(6));
    expect(account.apply(holdOf(10, { id: "h2" }))).toMatchObject({ usable: { available: 4, held: 6 } });
  });
});
