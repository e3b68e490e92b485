/**
 * The built Worker between a gate and a ledger or KV that are slow, stale, broken or overloaded, or with a wrong clock:
 * what Cloudflare may do on a bad day, as the bindings would show it.
 */
import { readFileSync } from "node:fs";
import { BUILT_WORKER } from "./build.ts";
import type { GateOptions } from "./gate.ts";

export type Faults = {
  /** Before every call to an account's object reaches it. */
  readonly ledgerDelayMs?: number;
  /** Before these of its commands reach it, instead. */
  readonly commandDelayMs?: Readonly<Record<string, number>>;
  /** Commands that its object refuses as Cloudflare does when too many wait for it. */
  readonly overloadedBy?: readonly string[];
  /** Commands that are lost on their way. */
  readonly lost?: readonly string[];
  readonly kvDelayMs?: number;
  /** How long a location goes on reading from KV what it has read once. */
  readonly kvStaleMs?: number;
  readonly kvThrows?: boolean;
  /** How far the clock of the gate's isolate is off. That of the accounts' objects is right, as in isolates of their own. */
  readonly clockOffsetMs?: number;
};

function module(path: string, contents: string): object {
  return { type: "ESModule", path, contents };
}

/** Options for a gate that suffers from these. */
export function suffering(faults: Faults, options: GateOptions = {}): GateOptions {
  const built = readFileSync(BUILT_WORKER, "utf8");
  const contents = `const FAULTS = ${JSON.stringify(faults)};\n${WRAPPER}`;
  return {
    ...options,
    worker: { ...options.worker, modules: [module("faults.js", contents), module("worker.js", built)] },
  };
}

/** Runs inside workerd, so it is text. */
const WRAPPER = `
import farebox, { Account as RealAccount } from "./worker.js";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const realNow = Date.now;
const gateNow = () => realNow() + (FAULTS.clockOffsetMs ?? 0);
Date.now = gateNow;

// A turn reads the clock before it waits for anything.
function withRealClock(turn) {
  Date.now = realNow;
  try {
    return turn();
  } finally {
    Date.now = gateNow;
  }
}
export class Account extends RealAccount {
  async apply(version, command) {
    return withRealClock(() => super.apply(version, command));
  }
  async read(version, query) {
    return withRealClock(() => super.read(version, query));
  }
  async alarm() {
    return withRealClock(() => super.alarm());
  }
}

function stubOf(stub) {
  const call = async (method, version, what) => {
    const op = what.op ?? what.read;
    await sleep(FAULTS.commandDelayMs?.[op] ?? FAULTS.ledgerDelayMs ?? 0);
    if (FAULTS.overloadedBy?.includes(op)) throw Object.assign(new Error("overloaded"), { overloaded: true });
    if (FAULTS.lost?.includes(op)) throw new Error("lost");
    return stub[method](version, what);
  };
  return {
    apply: (version, command) => call("apply", version, command),
    read: (version, query) => call("read", version, query),
  };
}

const seen = new Map();
async function readKv(kv, key, options) {
  await sleep(FAULTS.kvDelayMs ?? 0);
  if (FAULTS.kvThrows) throw new Error("KV GET failed: 500 Internal Server Error");
  const name = JSON.stringify([key, options]);
  const known = seen.get(name);
  if (known !== undefined && realNow() - known.at < (FAULTS.kvStaleMs ?? 0)) return known.value;
  const value = await kv.get(key, options);
  seen.set(name, { at: realNow(), value });
  return value;
}

export default {
  fetch(request, env, ctx) {
    const kv = {
      get: (key, options) => readKv(env.KV, key, options),
      put: async (...args) => {
        if (FAULTS.kvThrows) throw new Error("KV PUT failed: 500 Internal Server Error");
        await env.KV.put(...args);
      },
      list: (options) => env.KV.list(options),
      delete: (key) => env.KV.delete(key),
    };
    const accounts = { getByName: (name) => stubOf(env.ACCOUNTS.getByName(name)) };
    return farebox.fetch(request, { ...env, KV: kv, ACCOUNTS: accounts }, ctx);
  },
};
`;
