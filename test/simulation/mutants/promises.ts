/** Bugs in idempotency keys and spend caps. */
import { mutants, type Mutant } from "../mutant.ts";

export const PROMISES_MUTANTS: readonly Mutant[] = [
  ...mutants("idempotency keys", "holds.ts", [
    ["key-not-looked-at", "  if (taken) return taken;\n", ""],
    ["key-stays-after-a-void", '  if (state !== "captured") freeKey(store, row);\n', ""],
    ["key-free-after-a-report-of-nothing", 'if (state !== "captured") freeKey(store, row);', "freeKey(store, row);"],
    ["key-not-bound", "  bindKey(store, command, now);\n", ""],
    ["hold-ignores-key-in-content", "row.idempotency_key === (idempotency?.key ?? null) &&", ""],
    [
      "late-charge-though-the-key-passed-on",
      "reclaimKey(store, row, now) ? lateRoom(store, row.capped_jti, added) : 0",
      "lateRoom(store, row.capped_jti, added)",
    ],
    [
      "late-charge-with-a-key-is-always-lost",
      "reclaimKey(store, row, now) ? lateRoom",
      "row.idempotency_key === null ? lateRoom",
    ],
  ]),
  ...mutants("idempotency keys", "idempotency.ts", [
    [
      "key-ignores-content",
      '  if (bound.idempotency_digest !== digest) return { kind: "idempotency_mismatch" };\n',
      "",
    ],
    [
      "key-free-while-in-flight",
      "if (!bound) return undefined;",
      'if (!bound || bound.state === "held") return undefined;',
    ],
    [
      "key-free-after-a-charge",
      "if (!bound) return undefined;",
      'if (!bound || bound.state === "captured") return undefined;',
    ],
    ["key-free-after-a-part-was-charged", "if (key !== null && captured === 0)", "if (key !== null && captured >= 0)"],
    [
      "key-free-though-written-off",
      "if (!bound) return undefined;",
      'if (!bound || (bound.state === "expired" && bound.captured === 0)) return undefined;',
    ],
    ["key-stays-with-the-last-call", "  point(store, key, row.id, now);\n  return true;", "  return true;"],
    ["key-for-a-millisecond-longer", "k.bound_at > ?2", "k.bound_at >= ?2"],
    ["key-for-ever", "WHERE k.key = ?1 AND k.bound_at > ?2", "WHERE k.key = ?1 AND k.bound_at > ?2 - 900000000000"],
    ["answered-at-once", "if (!kept && now < answeredBy)", "if (!kept && now < 0)"],
    ["in-flight-for-a-millisecond-longer", "if (!kept && now < answeredBy)", "if (!kept && now <= answeredBy)"],
    [
      "second-answer-replaces-the-first",
      'if (store.exec(`SELECT 1 FROM answers WHERE hold_id = ?1`, id).length > 0) return { kind: "kept" };',
      "dropAnswer(store, id);",
    ],
    ["answer-of-a-call-not-charged", '  if (!isDelivered(row)) return { kind: "nothing_charged" };\n', ""],
    [
      "answer-stays-with-a-key-that-moves",
      "dropAnswer(store, old.hold_id);\n  store.exec(\n    `INSERT INTO idem",
      "store.exec(`SELECT 1`);\n  store.exec(\n    `INSERT INTO idem",
    ],
    ["answer-of-a-call-whose-key-moved-on", '  if (asksFor !== id) return { kind: "key_passed_on" };\n', ""],
    ["receipt-of-the-whole-hold", "credits: bound.captured,", "credits: bound.credits,"],
  ]),
  ...mutants("spend caps", "holds.ts", [
    ["cap-not-looked-at", "if (command.credits > left) return", "if (command.credits > left + limit) return"],
    ["cap-off-by-one", "if (command.credits > left) return", "if (command.credits > left + 1) return"],
    ["cap-not-counted", "  if (command.cap) spend(store, command.cap, command.credits);\n", ""],
    ["cap-counts-only-charges", "  unspend(store, row.capped_jti, released);\n", ""],
    ["cap-forgets-late-charges", "  spendLate(store, row.capped_jti, found);\n", ""],
    ["cap-lets-late-charges-through", "lateRoom(store, row.capped_jti, added) : 0", "lateRoom(store, null, added) : 0"],
    ["hold-ignores-cap-in-content", "row.capped_jti === (cap?.jti ?? null) &&", ""],
  ]),
  ...mutants("spend caps", "caps.ts", [
    ["cap-gives-back-the-whole-hold", "SET spent = spent - ?2", "SET spent = MAX(0, spent - ?2 - 1)"],
    ["cap-of-one-token-is-the-cap-of-all", "FROM capped_tokens WHERE jti = ?1", "FROM capped_tokens WHERE ?1 <> ''"],
    ["cap-begins-anew", "spend_limit = ?2, spent = spent + ?3`", "spend_limit = ?2, spent = ?3`"],
    ["cap-keeps-its-first-limit", "DO UPDATE SET spend_limit = ?2, spent", "DO UPDATE SET spent"],
  ]),
];
