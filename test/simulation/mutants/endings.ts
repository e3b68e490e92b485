/** Bugs in how holds end: late, twice, too early, too late. */
import { mutants, type Mutant } from "../mutant.ts";

export const ENDINGS_MUTANTS: readonly Mutant[] = [
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
      "const parts = draw(store, row.route, claim);",
      'const parts = draw(store, "GET /v1/search", claim);',
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
  ...mutants("ended twice", "holds.ts", [
    [
      "open-holds-counted-once-too-often",
      "const opens = ends && reported === row.credits ? -1 : 0;",
      "const opens = ends ? -1 : 0;",
    ],
    ["open-holds-not-counted-down", "const opens = ends && reported === row.credits ? -1 : 0;", "const opens = 0;"],
  ]),
  ...mutants("deadlines", "holds.ts", [
    ["expiry-is-as-old-as-its-discovery", 'state === "expired" ? row.expires_at : now,', "now,"],
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
];
