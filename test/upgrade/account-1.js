/**
 * The account's object of version 1 (commit 0181743), as released, over the rules in ledger-1.js.
 *
 * Generated once and never edited, as that file was; it stands by itself because Node has no "cloudflare:workers".
 */

// src/ledger/account.ts
import { DurableObject } from "cloudflare:workers";

// src/ledger/command.ts
var RPC_VERSION = 1;

// src/ledger/account.ts
import { apply, duePublication, nextWake, open, postponePublication, published, read, wake } from "./ledger-1.js";
import { writeStanding } from "./ledger-1.js";
var SUPPORTED_VERSIONS = [RPC_VERSION];
var PUBLISH_RETRY_MS = 1e4;
var Account = class extends DurableObject {
  #store;
  #isOpen = false;
  /** When the alarm is known to be set for; only ever saves setting it again. */
  #alarmAt = Infinity;
  constructor(ctx, env) {
    super(ctx, env);
    const { storage } = ctx;
    this.#store = {
      exec: (query, ...bindings) => storage.sql.exec(query, ...bindings).toArray(),
      transaction: (block) => storage.transactionSync(block)
    };
  }
  /** Before the first turn, and not in the constructor, whose exceptions would cross to the caller. */
  #prepare() {
    if (this.#isOpen) return;
    open(this.#store);
    this.#isOpen = true;
  }
  /** Carries out a command of RPC version `version`. The answer leaves only once what it says is on disk. */
  async apply(version, command) {
    return this.#guard(version, () => apply(this.#store, command, Date.now()));
  }
  /** Answers a query of RPC version `version`. */
  async read(version, query) {
    return this.#guard(version, () => read(this.#store, query, Date.now()));
  }
  async alarm() {
    this.#alarmAt = Infinity;
    this.#prepare();
    wake(this.#store, Date.now());
    await this.#publish();
    await this.#setAlarm();
  }
  async #guard(version, turn) {
    if (!SUPPORTED_VERSIONS.includes(version)) return { kind: "unsupported_version", supported: SUPPORTED_VERSIONS };
    try {
      this.#prepare();
      const outcome = turn();
      await this.#setAlarm().catch((error) => {
        console.error(JSON.stringify({ event: "alarm_not_set", account: this.ctx.id.name, error: String(error) }));
      });
      return outcome;
    } catch (error) {
      console.error(JSON.stringify({ event: "ledger_fault", account: this.ctx.id.name, error: String(error) }));
      return { kind: "fault" };
    }
  }
  /** Called in the turn that wrote, so that the alarm is on disk together with what it is for. */
  async #setAlarm() {
    const at = nextWake(this.#store);
    if (at === null || at >= this.#alarmAt) return;
    await this.ctx.storage.setAlarm(at);
    this.#alarmAt = at;
  }
  async #publish() {
    const due = duePublication(this.#store, Date.now());
    const view = due && read(this.#store, { read: "account" }, Date.now());
    const account = this.ctx.id.name;
    if (!due || !view || account === void 0) return;
    try {
      await writeStanding(this.env.KV, account, view);
      published(this.#store, due.version, Date.now());
    } catch (error) {
      console.error(JSON.stringify({ event: "standing_not_written", account, error: String(error) }));
      postponePublication(this.#store, Date.now() + PUBLISH_RETRY_MS);
    }
  }
};
export {
  Account
};
