/** Bugs in refunds and in the parts they give back. */
import { mutants, type Mutant } from "../mutant.ts";

export const REFUNDS_MUTANTS: readonly Mutant[] = [
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
