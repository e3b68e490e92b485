/**
 * The test Worker over accounts that can be slow, can lose calls and answers, and are counted: what reaches an
 * account's object, and how many rows that changed, is told at /_test/tally. Faults come from the binding TEST_FAULTS.
 */
import { Account as RealAccount, type AccountEnv } from "../../src/ledger/account.ts";
import type { Command, Query } from "../../src/ledger/command.ts";
import worker from "./worker.ts";

export type Faults = {
  /** Waited before, and again after, each call; a random time up to this. */
  readonly delayMs?: number;
  /** How often a call is lost before it is carried out, and how often its answer is. */
  readonly lostCalls?: number;
  readonly lostAnswers?: number;
};
/** Since the Worker started, over all accounts it holds. */
export type Tally = {
  /** By operation: "hold", "capture", "read account" and so on. */
  readonly calls: Record<string, number>;
  lost: number;
  changedRows: number;
};

const tally: Tally = { calls: {}, lost: 0, changedRows: 0 };

/**
 * How many attempts of one command in a row may fail. A hold's two may, so that the gate must answer "not known".
 * Of a void's two and a capture's five one gets through: what becomes of a hold that nobody can end is for its deadline.
 */
const lostInARowMax = (op: string): number => (op === "hold" ? 2 : 1);

export class Account extends RealAccount {
  readonly #faults: Faults;
  readonly #lost = new Map<string, number>();

  constructor(ctx: DurableObjectState, env: AccountEnv & { readonly TEST_FAULTS?: string }) {
    super(ctx, env);
    this.#faults = JSON.parse(env.TEST_FAULTS ?? "{}");
  }

  override async apply(version: number, command: Command): ReturnType<RealAccount["apply"]> {
    const id = "id" in command ? `${command.op} ${command.id}` : null;
    return this.#withFaults(command.op, id, async () => super.apply(version, command));
  }

  override async read(version: number, query: Query): ReturnType<RealAccount["read"]> {
    return this.#withFaults(`read ${query.read}`, null, async () => super.read(version, query));
  }

  async #withFaults<T>(op: string, id: string | null, call: () => Promise<T>): Promise<T> {
    tally.calls[op] = (tally.calls[op] ?? 0) + 1;
    await this.#wait();
    this.#lose(op, id, "call", this.#faults.lostCalls);
    const before = this.#changedRows();
    const answer = call();
    // A turn is over, but for its alarm, when it gives its promise.
    tally.changedRows += this.#changedRows() - before;
    const said = await answer;
    await this.#wait();
    this.#lose(op, id, "answer", this.#faults.lostAnswers);
    return said;
  }

  async #wait(): Promise<void> {
    const { delayMs = 0 } = this.#faults;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * delayMs));
  }

  /** Only of commands with an id: those are what is sent again. */
  #lose(op: string, id: string | null, what: string, odds = 0): void {
    if (id === null) return;
    const lost = this.#lost.get(id) ?? 0;
    if (lost >= lostInARowMax(op) || Math.random() >= odds) return;
    this.#lost.set(id, lost + 1);
    tally.lost += 1;
    throw new Error(`the ${what} was lost`);
  }

  #changedRows(): number {
    return Number(this.ctx.storage.sql.exec("SELECT total_changes() AS n").one()["n"]);
  }
}

export default {
  async fetch(request: Request, env: Record<string, unknown>, ctx: ExecutionContext): Promise<Response> {
    return new URL(request.url).pathname === "/_test/tally" ? Response.json(tally) : worker.fetch(request, env, ctx);
  },
};
