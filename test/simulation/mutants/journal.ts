/** Bugs in the journal, the balance row, the settings and the revocations. */
import { mutants, type Mutant } from "../mutant.ts";

export const JOURNAL_MUTANTS: readonly Mutant[] = [
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
];
