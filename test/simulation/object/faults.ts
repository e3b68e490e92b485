/**
 * What can befall a call to a real object, and what each leaves behind.
 *
 * The caller of an interrupted call sees an error and nothing else; whether the command was carried out depends on the
 * moment. workerd takes back what was written but not yet on disk when an object is aborted, and keeps it when its code
 * merely throws. Both are inflicted on the object's own methods, while a real call by RPC is under way.
 */
import { abortAllDurableObjects } from "cloudflare:test";
import { Account } from "../../../src/ledger/account.ts";
import type { Command, Query } from "../../../src/ledger/command.ts";

/** Interruptions, and whether what was asked for is done all the same. */
export const EFFECTS = {
  "lost on the way": "gone",
  "refused as overloaded": "gone",
  "aborted before the write": "gone",
  "aborted after the write": "gone",
  "aborted after the sync": "stands",
  "thrown after the write": "stands",
  "answer lost": "stands",
  "answer too late": "stands",
  "aborted on the way": "either",
} as const;
export type Interruption = keyof typeof EFFECTS;

/** What can happen around a call that is answered. */
export const INCIDENTS = [
  "evicted before",
  "evicted meanwhile",
  "crashed after the answer",
  "sent twice at once",
] as const;
export type Incident = (typeof INCIDENTS)[number];

/** Both in words that keep the test's runner from printing each: it says of as many itself that nobody need know. */
export const ABORTED = "Instance disposed by the test";
const BROKEN = "disconnected: operation canceled by the test";

type Turn = () => Promise<unknown>;
/** What an object does instead of its next turn. */
type Doom = (state: DurableObjectState, turn: Turn, object: Account) => Promise<unknown>;
/** What an object of another make does in place of the real one: for trying the test itself. */
export type Make = (object: Account, state: DurableObjectState, command: Command, real: Turn) => Promise<unknown>;

const DOOMS: Readonly<Partial<Record<Interruption | AlarmInterruption, Doom>>> = {
  "aborted before the write": async (state) => {
    state.abort(ABORTED);
    throw new Error(BROKEN);
  },
  "aborted after the write": async (state, turn) => {
    const answer = turn();
    state.abort(ABORTED);
    return answer;
  },
  "aborted after the sync": async (state, turn) => {
    await turn();
    await state.storage.sync();
    state.abort(ABORTED);
    throw new Error(BROKEN);
  },
  "aborted while it publishes": async (state, turn, object) => {
    const put = async (): Promise<void> => {
      await state.storage.sync();
      state.abort(ABORTED);
    };
    Object.defineProperty(object, "env", { value: { KV: { put } } });
    await turn();
    // It had nothing to publish.
    state.abort(ABORTED);
    throw new Error(ABORTED);
  },
  "thrown after the write": async (_, turn) => {
    await turn();
    throw new Error(BROKEN);
  },
};

/** What can befall an alarm under way, besides. */
export const ALARM_EFFECTS = {
  "aborted after the write": "gone",
  "aborted after the sync": "stands",
  "aborted while it publishes": "either",
} as const;
export type AlarmInterruption = keyof typeof ALARM_EFFECTS;

let doom: Doom | null = null;

/** Puts the accounts' class into the test's hands; what is returned gives it back. */
export function possess(make: Make | null): () => void {
  // oxlint-disable-next-line typescript/unbound-method -- each is called with the object it belongs to
  const { apply, read, alarm } = Account.prototype;
  const turns = {
    async apply(this: Account, version: number, command: Command) {
      const real = async (): Promise<unknown> => apply.call(this, version, command);
      return meet(this, async () => (make ? make(this, stateOf(this), command, real) : real()));
    },
    async read(this: Account, version: number, query: Query) {
      return meet(this, async () => read.call(this, version, query));
    },
    async alarm(this: Account) {
      await meet(this, async () => alarm.call(this));
    },
  };
  Object.assign(Account.prototype, turns);
  return () => {
    Object.assign(Account.prototype, { apply, read, alarm });
  };
}

/** Meets what the test has in store for the next turn. */
async function meet(object: Account, turn: Turn): Promise<unknown> {
  const met = doom;
  doom = null;
  return met ? met(stateOf(object), turn, object) : turn();
}

function stateOf(object: Account): DurableObjectState {
  return (object as unknown as { readonly ctx: DurableObjectState }).ctx;
}

/** The next turn of any object is interrupted so. */
export function doomNext(interruption: Interruption | AlarmInterruption): void {
  doom = DOOMS[interruption] ?? null;
}

/** Makes one call and has it interrupted. `giveUp` has the caller lose patience. Nothing else may answer than what merely met it on its way. */
export async function interrupt(as: Interruption, call: Turn, giveUp: () => Promise<void>): Promise<unknown> {
  switch (as) {
    case "lost on the way":
      throw new Error(BROKEN);
    case "refused as overloaded":
      throw Object.assign(new Error(BROKEN), { overloaded: true });
    case "answer lost":
      await call();
      throw new Error(BROKEN);
    case "answer too late":
      await call();
      await giveUp();
      return new Promise(() => undefined);
    case "aborted on the way": {
      const [answered] = await Promise.allSettled([call(), abortAllDurableObjects()]);
      if (answered.status === "rejected") throw answered.reason;
      return answered.value;
    }
    case "aborted before the write":
    case "aborted after the write":
    case "aborted after the sync":
    case "thrown after the write":
      doomNext(as);
      return call();
  }
}
