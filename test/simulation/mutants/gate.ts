/** Bugs in a gate: here the ledger does all it is told, and only the origin's log and the journal together tell. */
import type { Mutant } from "../mutant.ts";

const EDITS: readonly (readonly [name: string, find: string, replace: string])[] = [
  [
    "forwards-though-it-does-not-know",
    `if (told.kind === "held" && told.state === "held") {`,
    `if ((told.kind === "held" && told.state === "held") || told.kind === "unavailable") {`,
  ],
  ["forwards-what-is-refused", `told.kind === "included" && call.kind`, `told.kind !== "unavailable" && call.kind`],
  ["charges-what-failed", `if (deed !== "ok") {`, `if (deed !== "ok" && deed !== "fails") {`],
  ["charges-the-whole-hold", "credits: credits(call.spent), final", "credits: call.hold.credits, final"],
  ["does-not-charge", "    call.receipts = cost;\n    this.#capture(call, true);\n", "    call.receipts = cost;\n"],
  ["voids-what-it-serves", "    this.#capture(call, true);\n", "    this.#void(call);\n"],
  [
    "asks-twice",
    "take(requestId, deed, cost);",
    "take(requestId, deed, cost);\n    this.#around.origin.take(requestId, deed, cost);",
  ],
  ["purse-outlives-its-hold", "this.#clock() >= until || ", "this.#clock() >= until + 1001 || "],
  [
    "purse-does-not-count-its-last-call",
    `if (deed === "ok") purse.spent += cost;`,
    `if (deed === "ok") purse.spent = cost;`,
  ],
  [
    "purse-closes-without-a-report",
    "  close(purse: Call): void {\n    this.#capture(purse, true);\n",
    "  close(purse: Call): void {\n",
  ],
];

export const GATE_MUTANTS: readonly Mutant[] = EDITS.map(([name, find, replace]) => {
  return { name, bug: "the gate's protocol", file: "test/simulation/gate.ts", find, replace };
});
