/** Bugs in grants: ids, deadlines, and which grant pays. */
import { mutants, type Mutant } from "../mutant.ts";

export const GRANTS_MUTANTS: readonly Mutant[] = [
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
    [
      "restricted-grant-spent-elsewhere",
      "SELECT * FROM grants WHERE live = 1 AND ${PAYS} ${BURN_ORDER} LIMIT ?2",
      "SELECT * FROM grants WHERE live = 1 AND ?1 <> '' ${BURN_ORDER} LIMIT ?2",
    ],
    ["restricted-credits-count-for-all", "AND NOT ${PAYS}", "AND NOT ${PAYS} AND seq < 0"],
    ["held-restricted-credits-count-for-all", "if (known) sum += credits;", "sum += credits;"],
    ["draw-reads-one-batch-only", "if (batch.length < DRAW_BATCH) break;", "break;"],
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
  ...mutants("minted", "grants.ts", [
    [
      "top-up-doubled",
      '    kind: "grant",\n    credits: command.credits,',
      '    kind: "grant",\n    credits: command.credits * 2,',
    ],
    ["grant-doubled", "VALUES (?1, ?2, ?3, ?3, 1,", "VALUES (?1, ?2, ?3 * 2, ?3 * 2, 1,"],
  ]),
];
