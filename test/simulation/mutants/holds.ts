/** Bugs in holds: what they cost, how they end, who may place one. */
import { mutants, type Mutant } from "../mutant.ts";

export const HOLDS_MUTANTS: readonly Mutant[] = [
  ...mutants("an id is not kept", "holds.ts", [
    ["hold-ignores-credits-in-content", "row.credits === credits &&", "row.credits > 0 &&"],
    ["hold-ignores-route-in-content", "row.route === route &&", "row.route.length > 0 &&"],
    ["hold-ignores-life-in-content", "row.ttl_seconds === ttlSeconds &&", "row.ttl_seconds > 0 &&"],
    ["hold-replay-says-held", "replayed: true, state: known.state,", 'replayed: true, state: "held",'],
    [
      "refused-hold-is-written",
      "    return insufficient(store, command);\n  return",
      "    { store.exec(`INSERT INTO holds (id, credits, state, route, ttl_seconds, parts, created_at, expires_at, resolved_at) VALUES (?1, ?2, 'voided', ?3, ?4, '[]', ?5, ?5, ?5)`, command.id, command.credits, command.route, command.ttlSeconds, now); return insufficient(store, command); }\n  return",
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
];
