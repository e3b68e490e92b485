/**
 * Plays a rehearsed script on a real object by its real client, through faults, and holds it to the rehearsal.
 *
 * After every interruption the tables must be those from before the turn or those from after it, whichever belongs to
 * that interruption; after every answer, those from after it. A caller that was not answered says the same again until
 * it is. So nothing answered is ever lost, and nothing is done twice.
 */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import type { Ledger } from "../../../src/ledger/client.ts";
import { nextWake } from "../../../src/ledger/ledger.ts";
import { ACCOUNTS, inside, KV, viewOf } from "../../ledger/objects.ts";
import type { Chance } from "../chance.ts";
import { DAY } from "../contents.ts";
import { ABORTED, ALARM_EFFECTS, doomNext, EFFECTS, type Incident, type Interruption } from "./faults.ts";
import { callThrough } from "./line.ts";
import { describeStep, type Rehearsed, type Script } from "./script.ts";
import { diskOn, storeOf } from "./disk.ts";
import { difference, readTables, split, textOf, type Tables } from "./tables.ts";
import { count, type Tally } from "../tally.ts";

/** What ends an object costs a new one's start, so it comes less often. */
const INTERRUPTIONS: readonly [Interruption, ...Interruption[]] = [
  ...(["lost on the way", "refused as overloaded", "answer lost", "answer too late"] as const),
  ...(["lost on the way", "answer lost", "thrown after the write", "thrown after the write"] as const),
  ...(["aborted before the write", "aborted after the write", "aborted after the sync"] as const),
  ...(["aborted after the write", "aborted on the way"] as const),
];
const INCIDENTS: readonly [Incident, ...Incident[]] = [
  ...(["sent twice at once", "sent twice at once", "sent twice at once"] as const),
  ...(["evicted before", "evicted meanwhile", "crashed after the answer"] as const),
];
const ALARM_INTERRUPTIONS = [
  "aborted after the write",
  "aborted after the sync",
  "aborted while it publishes",
] as const;
const RETRIES_MAX = 10;
/** Alarms until nothing is left to publish, the last deadlines having passed. */
const RINGS_MAX = 10;

/** The real object is not what was rehearsed. */
export class Differs extends Error {}

export class Replay {
  readonly #account: string;
  readonly #script: Script;
  readonly #chance: Chance;
  readonly #tally: Tally;
  readonly #story: string[] = [];
  #before: Tables;
  /** How often a setting was said again, at most: each time the version grows. */
  #ahead = 0;
  /** An alarm was taken from the object, which still counts on it. */
  #alarmIsLost = false;
  #restarted = false;
  /** Found while the client was in between, which catches everything. */
  #wrong: string | null = null;

  constructor(account: string, script: Script, chance: Chance, tally: Tally) {
    this.#account = account;
    this.#script = script;
    this.#chance = chance;
    this.#tally = tally;
    this.#before = script.before;
  }

  /** Throws, with all that happened, where the object differs. */
  async play(): Promise<void> {
    if (!this.#script.stranger)
      await inside(this.#account, ({ storage }) => {
        diskOn(storage).reset(false);
      });
    try {
      for (const step of this.#script.steps) {
        vi.setSystemTime(step.now);
        this.#story.push(describeStep(step));
        await this.#step(step);
        this.#before = step.after;
      }
      await this.#compare(this.#before, "at the end");
      await this.#publish();
    } catch (error) {
      throw new Differs(`${this.#story.join("\n")}\n→ ${String(error)}`, { cause: error });
    }
  }

  #note(what: string): void {
    count(this.#tally, what);
    this.#story.push(`    ${what}`);
  }

  async #step(step: Rehearsed): Promise<void> {
    const { turn } = step;
    switch (turn.kind) {
      case "apply":
        if (turn.alarm === "none") return this.#call(step);
        if (turn.alarm === "before") {
          await this.#ring();
          return this.#say(step, [], false);
        }
        this.#note("an alarm races the command");
        await Promise.all([this.#ring(), this.#say(step, [], false)]);
        return this.#compare(step.after, "after a race");
      case "read":
        return this.#call(step);
      case "alarm":
        return this.#alarm(step);
      case "restart":
        return this.#evict();
      case "lost alarm":
        this.#note("an alarm is lost");
        this.#alarmIsLost = true;
        this.#restarted = false;
        await inside(this.#account, async ({ storage }) => storage.deleteAlarm());
    }
  }

  /** One call, with what befalls it. */
  async #call(step: Rehearsed): Promise<void> {
    const chance = this.#chance;
    const incident = chance.below(12) === 0 ? chance.pick(INCIDENTS) : null;
    const interruptions: Interruption[] = [];
    // An eviction waits for the calls under way, and would wait in vain for one that is interrupted.
    if (incident !== "sent twice at once" && incident !== "evicted meanwhile")
      for (let n = chance.pick([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3]); n > 0; n--)
        interruptions.push(chance.pick(INTERRUPTIONS));
    const isTried = interruptions.length > 0;
    if (incident) this.#note(incident);
    if (incident === "evicted before") await this.#evict();
    if (incident === "evicted meanwhile")
      await Promise.all([this.#say(step, interruptions, false), evict(this.#account)]);
    else await this.#say(step, interruptions, incident === "sent twice at once");
    const isStranger = Object.keys(step.after.rows).length === 0;
    if (incident !== null || isTried || isStranger) await this.#compare(step.after, "once it was answered");
    if (incident === "crashed after the answer") {
      await this.#crash();
      await this.#compare(step.after, "after the crash");
    }
  }

  /** Says it, once or at once by two callers, until it is answered. */
  async #say(step: Rehearsed, interruptions: Interruption[], twice: boolean): Promise<void> {
    const isSetting = split(step.answer).text === `{"kind":"changed"}`;
    let isDone = false;
    const told = async (interruption: Interruption, failed: boolean): Promise<void> => {
      this.#note(interruption);
      const effect = EFFECTS[interruption];
      if (effect !== "gone" && isSetting) this.#ahead += 1;
      if (failed && interruption.startsWith("aborted")) this.#restarted = true;
      if (!failed && effect !== "either") this.#wrong ??= `${interruption}, and yet answered`;
      const tables = await this.#tables();
      if (effect === "either") isDone ||= difference(tables, step.after, this.#ahead) === null;
      else isDone ||= effect === "stands";
      this.#wrong ??= difference(tables, isDone ? step.after : this.#before, this.#ahead);
    };
    const send = async (): Promise<unknown> => {
      for (let n = 0; n < RETRIES_MAX; n++) {
        const ledger = callThrough(() => interruptions.shift(), told);
        const answer = await ask(ledger, this.#account, step);
        if (this.#wrong !== null) throw new Error(this.#wrong);
        if (answer.known) return answer.value;
      }
      throw new Error(`not answered in ${RETRIES_MAX} calls`);
    };
    if (twice && isSetting) this.#ahead += 1;
    const answers = await Promise.all(twice ? [send(), send()] : [send()]);
    this.#judge(step, answers, isDone);
    if (this.#restarted) this.#alarmIsLost = false;
  }

  /** Each answer must be the rehearsed one, and of a new thing just one says that it is new. */
  #judge(step: Rehearsed, answers: readonly unknown[], wasDone: boolean): void {
    const wanted = split(step.answer);
    const given = answers.map(split);
    const say = `answered ${answers.map((answer) => textOf(answer)).join(" and ")}, should be ${textOf(step.answer)}`;
    for (const { text, version } of given) {
      const isVersion = version >= wanted.version && version <= wanted.version + this.#ahead;
      if (text !== wanted.text || !isVersion) throw new Error(say);
    }
    const news = given.filter(({ replayed }) => replayed === false).length;
    const newsWanted = wanted.replayed === false && !wasDone ? 1 : 0;
    if (news !== newsWanted) throw new Error(`${say}, ${newsWanted} of them new`);
  }

  async #alarm(step: Rehearsed): Promise<void> {
    if (this.#chance.below(6) === 0) {
      const as = this.#chance.pick(ALARM_INTERRUPTIONS);
      this.#note(`an alarm is ${as}`);
      doomNext(as);
      const rang = await this.#ring().then(
        () => true,
        () => false,
      );
      if (rang) throw new Error("an aborted alarm came to its end");
      const wanted = { gone: this.#before, stands: step.after, either: await this.#tables() }[ALARM_EFFECTS[as]];
      await this.#compare(wanted, "after the aborted alarm");
    }
    await this.#ring();
    await this.#compare(step.after, "after the alarm");
  }

  /** The alarm that is set, or one that nobody waits for any more. */
  async #ring(): Promise<void> {
    // To take it from the disk is the first thing its delivery does.
    this.#alarmIsLost = true;
    const rang = await runDurableObjectAlarm(ACCOUNTS.getByName(this.#account));
    if (!rang) await runInDurableObject(ACCOUNTS.getByName(this.#account), async (object) => object.alarm());
    this.#alarmIsLost = false;
  }

  async #evict(): Promise<void> {
    this.#restarted = true;
    await evict(this.#account);
  }

  async #crash(): Promise<void> {
    this.#restarted = true;
    const crash = inside(this.#account, (state) => {
      state.abort(ABORTED);
    });
    await crash.catch(() => undefined);
  }

  async #tables(): Promise<Tables> {
    return inside(this.#account, ({ storage }) => readTables(storeOf(storage)));
  }

  async #compare(wanted: Tables, when: string): Promise<void> {
    const [tables, alarm, due] = await inside(this.#account, async ({ storage }) => {
      const store = storeOf(storage);
      return [readTables(store), await storage.getAlarm(), nextWake(store)] as const;
    });
    const differs = difference(tables, wanted, this.#ahead);
    if (differs !== null) throw new Error(`${when}, ${differs}`);
    if (Object.keys(tables.rows).length === 0 && alarm !== null) throw new Error(`${when}, a stranger has an alarm`);
    const isInTime = due === null || (alarm !== null && alarm <= due);
    if (!this.#alarmIsLost && !isInTime) throw new Error(`${when}, the alarm is set for ${alarm}, due at ${due}`);
  }

  /** With its alarms, the copy of the account's standing comes to what the account is. */
  async #publish(): Promise<void> {
    for (let n = 0; n < RINGS_MAX; n++) {
      const due = await inside(this.#account, ({ storage }) => nextWake(storeOf(storage)));
      if (due === null || due > Date.now() + DAY) break;
      vi.setSystemTime(Math.max(due, Date.now()));
      await this.#ring();
    }
    const view = await viewOf(this.#account);
    if (view === null || view.version === 0) return;
    const copy = (await KV.get<Partial<typeof view>>(`standing:${this.#account}`, "json")) ?? {};
    // Not the version: credits that are written off move nothing that the copy tells.
    const [is, wanted] = [copy, view].map(({ available, held, status, tokensRevokedAt }) =>
      textOf({ available, held, status, tokensRevokedAt }),
    );
    if (is !== wanted) throw new Error(`the copy in KV says ${is}, the account ${wanted}`);
  }
}

/** An object that is not running needs no eviction. */
async function evict(account: string): Promise<void> {
  await evictDurableObject(ACCOUNTS.getByName(account)).catch((error: unknown) => {
    if (!String(error).includes("not currently running")) throw error;
  });
}

type Answer = { readonly known: true; readonly value: unknown } | { readonly known: false };

async function ask(ledger: Ledger, account: string, { turn }: Rehearsed): Promise<Answer> {
  if (turn.kind === "apply") {
    const value = await ledger.apply(account, turn.command);
    return value.kind === "unavailable" ? { known: false } : { known: true, value };
  }
  if (turn.kind !== "read") throw new Error(`nobody asks for a ${turn.kind}`);
  const answer = await ledger.read(account, turn.query);
  return answer.kind === "unavailable" ? { known: false } : { known: true, value: answer.found };
}
