/**
 * Objects of other makes, each wrong in a way that an object can be wrong and its rules cannot: for trying the test.
 * Left alone they give the right answers; it takes an end of the object, or a look at its disk, to tell.
 */
import type { Account } from "../../../src/ledger/account.ts";
import type { Command, Outcome } from "../../../src/ledger/command.ts";
import { apply } from "../../../src/ledger/ledger.ts";
import { migrate } from "../../../src/ledger/schema.ts";
import type { Make } from "./faults.ts";
import { storeOf } from "./disk.ts";

class Undo extends Error {}

/** What a command would be answered. Nothing is written. */
function wouldAnswer({ storage }: DurableObjectState, command: Command): Outcome {
  const store = storeOf(storage);
  let outcome: Outcome | null = null;
  try {
    store.transaction(() => {
      outcome = apply(store, command, Date.now());
      throw new Undo();
    });
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
  if (!outcome) throw new Error("no outcome");
  return outcome;
}

const charges = new WeakMap<Account, (() => Promise<unknown>)[]>();
const writes = new WeakMap<Account, Promise<unknown>>();
const placed = new WeakMap<Account, Set<string>>();

export const MAKES = {
  "keeps charges in a field until the next command": async (object, state, command, real) => {
    for (const charge of charges.get(object)?.splice(0) ?? []) await charge();
    if (command.op !== "capture") return real();
    charges.set(object, [real]);
    return wouldAnswer(state, command);
  },
  "answers before it has written": async (object, state, command, real) => {
    await writes.get(object);
    const written = scheduler.wait(5).then(real);
    writes.set(object, written);
    state.waitUntil(written);
    return wouldAnswer(state, command);
  },
  "knows in a field only which holds it placed, and places others again": async (
    object,
    { storage },
    command,
    real,
  ) => {
    if (command.op !== "hold") return real();
    const known = placed.get(object) ?? new Set();
    placed.set(object, known);
    const store = storeOf(storage);
    const exists = store.exec(`SELECT 1 AS yes FROM sqlite_master WHERE name = 'holds'`).length > 0;
    const isPlaced = exists && store.exec(`SELECT 1 AS yes FROM holds WHERE id = ?1`, command.id).length > 0;
    const isForgotten = isPlaced && !known.has(command.id);
    known.add(command.id);
    return isForgotten ? apply(store, { ...command, id: `${command.id} again` }, Date.now()) : real();
  },
  "sets no alarm": async (_, { storage }, command) => apply(storeOf(storage), command, Date.now()),
  "gives a stranger tables": async (_, { storage }, _command, real) => {
    const store = storeOf(storage);
    store.transaction(() => {
      migrate(store);
    });
    return real();
  },
} satisfies Record<string, Make>;
