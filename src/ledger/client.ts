/**
 * Calling an account's object: bounded in time, tried again only with the same id.
 *
 * A call that throws or does not answer may have been carried out. So every attempt carries the very same command,
 * and when no attempt answers the outcome is `unavailable`: not known, which is neither yes nor no.
 */
import type { Account, Fault } from "./account.ts";
import { RPC_VERSION, type Command, type Op, type Outcomes, type Query, type Readings } from "./command.ts";
import { Refusals } from "./refusals.ts";
import { previousCommand, PREVIOUS_VERSION } from "./versions.ts";

/** No attempt answered, or the object could not take the command. `why` is for the log. */
type Unavailable = { readonly kind: "unavailable"; readonly why: string };

/** The ledger as the rest of Farebox sees it. Never throws. */
export interface Ledger {
  apply<K extends Op>(account: string, command: Extract<Command, { op: K }>): Promise<Outcomes[K] | Unavailable>;
  read<Q extends Query>(
    account: string,
    query: Q,
  ): Promise<{ readonly kind: "read"; readonly found: Readings[Q["read"]] } | Unavailable>;
}

const ATTEMPTS = 2;
/** A capture is a served call's charge, and nobody waits for it. */
const CAPTURE_ATTEMPTS = 5;
const ATTEMPT_TIMEOUT_MS = 4_000;
const RETRY_DELAY_MS = 100;

export function connectLedger(accounts: DurableObjectNamespace<Account>): Ledger {
  const refusals = new Refusals();
  return {
    async apply<K extends Op>(account: string, command: Extract<Command, { op: K }>) {
      const remembered = refusals.recall(account, command);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is what a hold was told before, and this is a hold
      if (remembered) return remembered as Outcomes[K];
      const askedAt = Date.now();
      const answer = await attempt(
        async () => await say(accounts.getByName(account), command),
        command.op === "capture" ? CAPTURE_ATTEMPTS : ATTEMPTS,
      );
      if (answer.kind === "unavailable") {
        refusals.hear(account, command, undefined, askedAt);
        return answer;
      }
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the object answers a command with one of its own outcomes
      const outcome = answer.value as Outcomes[K];
      refusals.hear(account, command, outcome, askedAt);
      return outcome;
    },
    async read<Q extends Query>(account: string, query: Q) {
      const answer = await attempt(async () => await ask(accounts.getByName(account), query), ATTEMPTS);
      return answer.kind === "answered"
        ? // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
          { kind: "read", found: answer.value as Readings[Q["read"]] }
        : answer;
    },
  };
}

/** Says a command to an object of this version or, if that is what it turns out to be, of the one before. */
async function say(object: DurableObjectStub<Account>, command: Command): Promise<unknown> {
  const outcome: unknown = await object.apply(RPC_VERSION, command);
  const previous = isOfPreviousVersion(outcome) ? previousCommand(command) : undefined;
  return previous ? object.apply(PREVIOUS_VERSION, previous) : outcome;
}

/** As `say`; queries have not changed. */
async function ask(object: DurableObjectStub<Account>, query: Query): Promise<unknown> {
  const found: unknown = await object.read(RPC_VERSION, query);
  return isOfPreviousVersion(found) ? object.read(PREVIOUS_VERSION, query) : found;
}

function isOfPreviousVersion(answer: unknown): boolean {
  return isFault(answer) && answer.kind === "unsupported_version" && answer.supported.includes(PREVIOUS_VERSION);
}

type Answered = { readonly kind: "answered"; readonly value: unknown };

/** `call` takes a new stub each time: a stub that threw once stays broken. */
async function attempt(call: () => Promise<unknown>, attempts: number): Promise<Answered | Unavailable> {
  let why = "";
  for (let n = 1; n <= attempts; n++) {
    try {
      const value = await within(ATTEMPT_TIMEOUT_MS, call());
      if (!isFault(value)) return { kind: "answered", value };
      why =
        value.kind === "fault"
          ? "the ledger met a bug, see its log"
          : `the ledger speaks versions ${value.supported.join(", ")}, this gate ${RPC_VERSION}`;
      // A fault is definite, and the same command would mostly meet it again; but a served call is worth the asking.
      if (attempts === ATTEMPTS) break;
    } catch (error) {
      why = String(error);
      if (isOverloaded(error) && attempts === ATTEMPTS) break;
    }
    if (n < attempts) await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS * 2 ** (n - 1)));
  }
  return { kind: "unavailable", why };
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${ms} ms`));
    }, ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function isFault(value: unknown): value is Fault {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return value.kind === "fault" || value.kind === "unsupported_version";
}

/** Cloudflare asks not to retry these: it would only add to the queue. A capture, which waits longer each time, still is. */
function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}
