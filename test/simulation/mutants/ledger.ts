/** Bugs in a turn and in what an account does by itself: expiry, alarms, restarts, forgetting, publishing. */
import { mutants, type Mutant } from "../mutant.ts";

export const LEDGER_MUTANTS: readonly Mutant[] = [
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
      "a-stranger-is-written-down",
      "      if (refusal) return refusal;\n",
      "      if (refusal) { migrate(store); return refusal; }\n",
    ],
  ]),
  ...mutants("publication", "ledger.ts", [
    [
      "changes-during-a-publication-are-forgotten",
      "CASE WHEN version > ?1 THEN ?2 + ?3 END",
      "CASE WHEN version < ?1 THEN ?2 + ?3 END",
    ],
    ["publication-never-due", "publish_at !== null && publish_at <= now ?", "publish_at !== null && publish_at < 0 ?"],
    ["alarm-forgets-publication", "nextGrantExpiry(store), accountRow(store).publish_at,", "nextGrantExpiry(store),"],
  ]),
  ...mutants("publication", "journal.ts", [
    ["calls-are-not-published", "prompt ? now : now + PUBLISH_LAG_MS,", "prompt ? now : Number.MAX_SAFE_INTEGER,"],
    [
      "settings-are-not-published",
      "SET version = version + 1, publish_at = MIN(COALESCE(publish_at, ?1), MAX(?2, published_at + ?3)) WHERE",
      "SET version = version + 1 + (?1 + ?2 + ?3) * 0 WHERE",
    ],
  ]),
];
