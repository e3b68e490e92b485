/**
 * Bugs to put into the ledger on purpose, to see that the simulation finds them.
 *
 * `find` is exact text that must occur once in the file: the list has to keep up with the code.
 */

export type Mutant = {
  readonly name: string;
  /** The class of bug. */
  readonly bug: string;
  /** Under src/ledger. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

type Edit = readonly [name: string, find: string, replace: string];

function mutants(bug: string, file: string, edits: readonly Edit[]): Mutant[] {
  return edits.map(([name, find, replace]) => ({ name, bug, file, find, replace }));
}

export const MUTANTS: readonly Mutant[] = [
  ...mutants("an id is not kept", "grants.ts", [
    [
      "no-idempotency-of-grants",
      "`SELECT * FROM grants WHERE id = ?1`, command.id)[0];\n  if (known) {\n    const same",
      "`SELECT * FROM grants WHERE id = ?1`, `${command.id}#`)[0];\n  if (known) {\n    const same",
    ],
    ["grant-ignores-content", 'return same ? { kind: "granted"', 'return same || true ? { kind: "granted"'],
    ["grant-ignores-expiry-in-content", "      known.expires_at === command.expiresAt &&\n", ""],
    ["grant-ignores-order-of-routes-not", "JSON.stringify(routes.toSorted())", "JSON.stringify(routes)"],
    [
      "expired-grant-uses-up-its-id",
      "if (known) {\n    const same",
      'if (isPast(command, now)) return { kind: "already_expired" };\n  if (known) {\n    const same',
    ],
    ["reversed-twice", "if (known.reversed !== null) {\n    return", "if (false) {\n    return"],
  ]),
  ...mutants("an id is not kept", "holds.ts", [
    ["hold-ignores-credits-in-content", "known.credits === command.credits && known.route", "known.route"],
    ["hold-ignores-route-in-content", "known.route === command.route && ", ""],
    ["hold-ignores-life-in-content", " && known.ttl_seconds === command.ttlSeconds", ""],
    ["hold-replay-says-held", "replayed: true, state: known.state,", 'replayed: true, state: "held",'],
    [
      "refused-hold-is-written",
      "    return insufficient(store, command);\n\n",
      "    { store.exec(`INSERT INTO holds (id, credits, state, route, ttl_seconds, parts, created_at, expires_at, resolved_at) VALUES (?1, ?2, 'voided', ?3, ?4, '[]', ?5, ?5, ?5)`, command.id, command.credits, command.route, command.ttlSeconds, now); return insufficient(store, command); }\n\n",
    ],
  ]),
  ...mutants("an id is not kept", "refunds.ts", [
    [
      "refund-ignores-content",
      'if (known.hold_id !== command.holdId || known.requested !== command.credits) return { kind: "conflict" };\n',
      "",
    ],
    ["refund-ignores-amount-in-content", " || known.requested !== command.credits", ""],
    ["refund-ignores-hold-in-content", "known.hold_id !== command.holdId || ", ""],
    [
      "refunded-twice",
      "SELECT * FROM refunds WHERE id = ?1`, command.id)[0];",
      "SELECT * FROM refunds WHERE id = ?1`, `${command.id}#`)[0];",
    ],
  ]),
  ...mutants("charged wrongly", "holds.ts", [
    [
      "capture-over-hold",
      'if (command.credits > row.credits) return { kind: "exceeds_hold", held: row.credits };\n',
      "",
    ],
    [
      "capture-over-hold-by-one",
      "if (command.credits > row.credits) return",
      "if (command.credits > row.credits + 1) return",
    ],
    [
      "report-as-delta",
      "const reported = Math.max(row.captured, command.credits);",
      "const reported = Math.min(row.credits, row.captured + command.credits);",
    ],
    [
      "capture-twice",
      "const added = reported - row.captured;",
      'const added = row.state === "captured" ? command.credits : reported - row.captured;',
    ],
    [
      "captured-hold-takes-more",
      'if (row.state === "captured" && command.credits > row.captured) return',
      'if (row.state === "captured" && command.credits > row.credits) return',
    ],
    [
      "voided-hold-is-charged",
      '  if (row.state === "voided") return { kind: "hold_resolved", as: "voided" };\n  if (row.state === "captured"',
      '  if (row.state === "captured"',
    ],
    [
      "lower-report-resets",
      "const reported = Math.max(row.captured, command.credits);",
      "const reported = command.credits;",
    ],
    [
      "final-does-not-end",
      'const ends = command.final && row.state === "held";',
      'const ends = command.final && row.state === "held" && added > 0;',
    ],
    ["part-ends-the-hold", 'const ends = command.final && row.state === "held";', 'const ends = row.state === "held";'],
    [
      "captured-rest-is-not-returned",
      "const released = row.credits - row.captured;",
      'const released = state === "captured" ? 0 : row.credits - row.captured;',
    ],
    [
      "release-forgets-what-was-captured",
      "const released = row.credits - row.captured;",
      "const released = row.credits;",
    ],
    [
      "rest-stays-with-no-grant",
      "  putBack(store, rest, now);\n",
      '  if (state !== "captured") putBack(store, rest, now);\n',
    ],
    ["release-forgets-the-other-parts", "  putBack(store, rest, now);\n", "  putBack(store, rest.slice(0, 1), now);\n"],
    [
      "release-gives-back-the-wrong-parts",
      "const { first: charged, rest } = splitParts(parseParts(row.parts), row.captured);\n  const released",
      "const { first: rest, rest: charged } = splitParts(parseParts(row.parts), row.credits - row.captured);\n  const released",
    ],
    [
      "hold-not-taken-from-grants",
      "const parts = draw(store, command.route, command.credits);",
      "const parts: Part[] = [];",
    ],
    [
      "hold-lets-one-too-many",
      "usableCredits(store, command.route) < command.credits)\n",
      "usableCredits(store, command.route) + 1 < command.credits)\n",
    ],
  ]),
  ...mutants("a late capture", "holds.ts", [
    [
      "late-capture-is-refused",
      '  if (row.state === "voided") return { kind: "hold_resolved", as: "voided" };',
      '  if (row.state === "voided" || row.state === "expired") return { kind: "hold_resolved", as: row.state };',
    ],
    [
      "late-capture-charges-the-released-credits",
      'row.state === "expired" ? captureLate(store, row, command, now) : captureHeld',
      'row.state === "expired" && row.written_off > 0 ? captureLate(store, row, command, now) : captureHeld',
    ],
    [
      "late-capture-again-charges-again",
      "command.credits - row.captured - row.written_off);",
      "command.credits - row.written_off);",
    ],
    [
      "late-capture-tries-again-for-what-was-written-off",
      "command.credits - row.captured - row.written_off);",
      "command.credits - row.captured);",
    ],
    ["late-rest-is-not-written-off", "if (found < added) writeOff(store, now, added - found, about(row));\n", ""],
    ["late-rest-is-forgotten", "    added - found,\n    formatParts([...", "    0,\n    formatParts([..."],
    [
      "late-capture-from-any-grant",
      "const parts = draw(store, row.route, added);",
      'const parts = draw(store, "GET /v1/search", added);',
    ],
    ["late-capture-forgets-its-grants", "formatParts([...parseParts(row.parts), ...parts]),", "row.parts,"],
    [
      "late-capture-takes-nothing-if-not-all",
      "const found = sumParts(parts);",
      "const found = sumParts(parts) < added ? 0 : added;",
    ],
    [
      "late-capture-revives-the-hold",
      "written_off = written_off + ?3, parts",
      "written_off = written_off + ?3, state = 'captured', parts",
    ],
  ]),
  ...mutants("ended twice", "holds.ts", [
    ["close-twice", 'if (row.state !== "held") return { kind: "hold_resolved", as: row.state };\n', ""],
    [
      "void-after-capture-gives-back",
      'if (row.state !== "held") return',
      'if (row.state !== "held" && row.state !== "captured") return',
    ],
    [
      "void-of-an-expired-hold",
      'if (row.state !== "held") return',
      'if (row.state !== "held" && row.state !== "expired") return',
    ],
    [
      "void-again-gives-back-again",
      '  if (row.state === "voided") return { kind: "voided", replayed: true, balance: balanceOf(accountRow(store)) };\n  if (row.state !== "held") return',
      '  if (row.state === "captured" || row.state === "expired") return',
    ],
    [
      "void-takes-back-what-was-captured",
      '  resolve(store, row, "voided", now);',
      '  resolve(store, { ...row, captured: 0 }, "voided", now);',
    ],
  ]),
  ...mutants("deadlines", "ledger.ts", [
    ["expiry-only-by-alarm", "    expire(store, now);\n    return run(", "    return run("],
    ["reads-do-not-expire", "    expire(store, now);\n    switch (query.read)", "    switch (query.read)"],
    ["holds-never-expire", "  expireHolds(store, now);\n", ""],
    ["grants-never-expire", "  expireGrants(store, now);\n}", "}"],
    [
      "grants-expire-before-holds",
      "  expireHolds(store, now);\n  expireGrants(store, now);",
      "  expireGrants(store, now);\n  expireHolds(store, now + 1);",
    ],
    ["alarm-forgets-holds", "[nextHoldExpiry(store), nextGrantExpiry", "[nextGrantExpiry"],
    ["alarm-forgets-grants", "nextGrantExpiry(store), accountRow", "accountRow"],
    [
      "restart-loses-holds",
      "store.transaction(() => migrate(store));\n}",
      "store.transaction(() => { migrate(store); store.exec(`DELETE FROM holds WHERE state = 'held'`); });\n}",
    ],
    [
      "restart-lets-holds-go",
      "store.transaction(() => migrate(store));\n}",
      "store.transaction(() => { migrate(store); expireHolds(store, Number.MAX_SAFE_INTEGER); });\n}",
    ],
    [
      "no-transaction",
      "  return store.transaction(() => {\n    if (!accountExists(store)) {",
      "  return (<T>(block: () => T): T => block())(() => {\n    if (!accountExists(store)) {",
    ],
    [
      "forgotten-a-day-early",
      "DELETE FROM holds WHERE id = ?1 AND state <> 'held' AND resolved_at < ?2`, ref, now - RETENTION_MS",
      "DELETE FROM holds WHERE id = ?1 AND state <> 'held' AND resolved_at < ?2`, ref, now - RETENTION_MS + 86_400_000",
    ],
    ["forgotten-a-millisecond-early", "resolved_at < ?2`, ref", "resolved_at <= ?2`, ref"],
    ["open-holds-are-forgotten", " AND state <> 'held' AND resolved_at < ?2`", " AND created_at < ?2`"],
    [
      "a-stranger-is-written-down",
      "      if (refusal) return refusal;\n",
      "      if (refusal) { migrate(store); return refusal; }\n",
    ],
  ]),
  ...mutants("deadlines", "holds.ts", [
    [
      "hold-expires-a-millisecond-late",
      "state = 'held' AND expires_at <= ?1 ORDER",
      "state = 'held' AND expires_at < ?1 ORDER",
    ],
    [
      "hold-expires-a-millisecond-early",
      "state = 'held' AND expires_at <= ?1 ORDER",
      "state = 'held' AND expires_at - 1 <= ?1 ORDER",
    ],
    ["hold-lives-milliseconds", "now + command.ttlSeconds * 1000,", "now + command.ttlSeconds,"],
    [
      "expired-hold-keeps-its-rest",
      'for (const row of due) resolve(store, row, "expired", now);',
      'for (const row of due) resolve(store, { ...row, captured: row.credits }, "expired", now);',
    ],
    [
      "release-at-the-last-deadline",
      "SELECT MIN(expires_at) AS at FROM holds",
      "SELECT MAX(expires_at) AS at FROM holds",
    ],
  ]),
  ...mutants("deadlines", "grants.ts", [
    ["grant-expires-a-millisecond-late", "WHERE live = 1 AND expires_at <= ?1", "WHERE live = 1 AND expires_at < ?1"],
    ["past-grant-is-taken", "command.expiresAt <= now;", "command.expiresAt < now;"],
    [
      "expired-credits-come-back-to-life",
      "row.expires_at !== null && row.expires_at <= now) {\n      post",
      "row.expires_at !== null && row.expires_at <= now - 1000) {\n      post",
    ],
    [
      "reversed-credits-come-back",
      "if (row.reversed !== null) {\n      store",
      "if (row.reversed !== null && row.remaining > 0) {\n      store",
    ],
  ]),
  ...mutants("which grant pays", "grants.ts", [
    ["burn-order-without-priority", "ORDER BY priority, expires_at IS NULL", "ORDER BY expires_at IS NULL"],
    [
      "burn-order-later-expiry-first",
      "expires_at IS NULL, expires_at, kind",
      "expires_at IS NULL, expires_at DESC, kind",
    ],
    ["burn-order-unexpiring-first", "expires_at IS NULL, expires_at, kind", "expires_at, kind"],
    ["burn-order-bought-before-promotional", "kind <> 'promotional', seq", "kind = 'promotional', seq"],
    ["burn-order-youngest-first", "kind <> 'promotional', seq`", "kind <> 'promotional', seq DESC`"],
    ["restricted-grant-spent-elsewhere", "if (!paysFor(row, route)) continue;\n", ""],
    [
      "restriction-not-looked-at",
      "return row.routes === null || parseRoutes(row.routes).includes(route);",
      "return row.routes === null || parseRoutes(row.routes).length > 0;",
    ],
    ["reversal-takes-what-is-held", "const taken = known.remaining;", "const taken = known.credits;"],
    [
      "reversal-leaves-the-credits",
      "UPDATE grants SET remaining = 0, live = 0, reversed = ?2",
      "UPDATE grants SET reversed = ?2",
    ],
    ["live-flag-stays", "if (remaining > 0 === row.remaining > 0)", "if (remaining >= 0)"],
  ]),
  ...mutants("refunds", "refunds.ts", [
    [
      "refund-over-the-charge",
      "if (wanted === 0 || wanted > refundable) return",
      "if (wanted === 0 || wanted > hold.captured) return",
    ],
    ["refund-over-the-charge-by-one", "wanted > refundable) return", "wanted > refundable + 1) return"],
    [
      "refund-of-the-hold",
      'if (hold.captured === 0) return { kind: "nothing_charged" };\n  const refundable = hold.captured - hold.refunded;',
      "const refundable = hold.credits - hold.refunded;",
    ],
    ["refund-of-nothing", "wanted === 0 || ", ""],
    ["refund-not-remembered", "UPDATE holds SET refunded = refunded + ?2,", "UPDATE holds SET refunded = ?2,"],
    [
      "refund-on-the-terms-of-others",
      "...termsOf(store, grantSeq, now) }",
      "...termsOf(store, returned[0]?.[0] ?? grantSeq, now) }",
    ],
    ["refund-gives-the-same-terms-twice", "const left = withoutParts(charged, given);", "const left = charged;"],
    [
      "refund-of-what-was-not-charged",
      "splitParts(parseParts(hold.parts), hold.captured).first;",
      "parseParts(hold.parts);",
    ],
    [
      "refund-of-an-open-hold-first",
      "const returned: Part[] = splitParts(left, sumParts(left) - wanted).rest;",
      "const returned: Part[] = splitParts(parseParts(hold.parts), wanted).first;",
    ],
  ]),
  ...mutants("refunds", "grants.ts", [
    [
      "refund-inherits-a-passed-expiry",
      "row.expires_at !== null && row.expires_at > now ? row.expires_at : null,",
      "row.expires_at,",
    ],
    [
      "refund-loses-its-restriction",
      "routes: row.routes === null ? null : parseRoutes(row.routes),\n  };\n}\n\nexport function liveGrants",
      "routes: null,\n  };\n}\n\nexport function liveGrants",
    ],
  ]),
  ...mutants("who may hold", "holds.ts", [
    ["suspended-account-may-hold", '  if (account.status === "suspended") return { kind: "account_suspended" };\n', ""],
    ["revoked-token-may-hold", '  if (isRevoked(store, command.token)) return { kind: "token_revoked" };\n', ""],
    [
      "any-plan-includes",
      "if (plan !== null && command.includedBy.includes(plan)) return",
      "if (plan !== null && command.includedBy.length >= 0) return",
    ],
    [
      "included-route-is-charged",
      "if (plan !== null && command.includedBy.includes(plan)) return",
      'if (plan === "" && command.includedBy.includes(plan)) return',
    ],
  ]),
  ...mutants("who may hold", "tokens.ts", [
    ["revocation-of-all-misses-its-second", "token.issuedAt <= since", "token.issuedAt < since"],
    ["revocation-of-all-goes-back", "MAX(COALESCE(tokens_revoked_at, 0), ?1)", "?1"],
    ["revocation-of-one-not-looked-at", "return token.jti !== null && isListed(store, token.jti);", "return false;"],
    ["revocations-forgotten-early", "WHERE until < ?1", "WHERE until > ?1"],
  ]),
  ...mutants("who may hold", "journal.ts", [
    ["plan-lasts-a-millisecond-longer", "row.plan_until <= now", "row.plan_until < now"],
  ]),
  ...mutants("the journal", "journal.ts", [
    ["entry-of-wrong-amount", 'amount: change("available") + change("held"),', 'amount: change("available"),'],
    ["entry-of-wrong-held", '    held: change("held"),\n    writtenOff: 0,', "    held: 0,\n    writtenOff: 0,"],
    [
      "entry-missing",
      "  insertEntry(store, now, row, {\n    ...movement,",
      '  if (movement.kind !== "reverse") insertEntry(store, now, row, {\n    ...movement,',
    ],
    [
      "grant-not-counted",
      'from === "outside" ? credits : 0,\n      change("available"),',
      'from === "outside" ? credits : 0,\n      movement.kind === "refund" ? credits * 2 : change("available"),',
    ],
    [
      "write-off-without-a-line",
      'insertEntry(store, now, row, { kind: "write_off", amount: 0, held: 0, writtenOff: credits, ...about });\n',
      "",
    ],
    ["write-off-not-counted", "written_off = written_off + ?1 WHERE", "written_off = written_off + ?1 * 0 WHERE"],
    [
      "told-a-balance-of-before",
      "return { available: row.available, held: row.held };",
      "return { available: row.available + row.held, held: row.held };",
    ],
  ]),
  ...mutants("parts", "parts.ts", [
    [
      "returned-parts-taken-from-the-front",
      "for (const [grantSeq, credits] of parts.toReversed()) {",
      "for (const [grantSeq, credits] of parts) {",
    ],
    [
      "split-loses-the-cut-part",
      "if (n > taken) rest.push([grantSeq, n - taken]);",
      "if (taken === 0) rest.push([grantSeq, n]);",
    ],
  ]),
];
