/** Attacks with time: crashes, late and repeated reports, wrong clocks, a stale KV. */
import { at, type Case } from "../case.ts";

/** What these cases wait for, beyond what holds of plain holds. */
const PURSE = "The edge purse is not built: shown for the holds of single calls, whose charges are reported alike.";

export const LEASE: readonly Case[] = [
  {
    id: "lease-1",
    attack: "An isolate is killed with charges it has not reported.",
    expected:
      "The holds expire in the buyer's favour; what was served unpaid is counted and bounded by the calls in flight.",
    tests: [
      at("http/crash", "keeps every credit accounted for when it is killed in the middle of calls"),
      at("http/attacks/lease", "and never comes at all leaves the call unpaid"),
    ],
    note: PURSE,
  },
  {
    id: "lease-2",
    attack: "Reports of a charge arrive several times and in the wrong order.",
    expected: "Charged once.",
    tests: [at("ledger/captures", "%s end in the same charge")],
    note: PURSE,
  },
  {
    id: "lease-3",
    attack: "A charge is reported for a hold nobody made, or for another account's.",
    expected: "Refused; nothing moves in either account.",
    tests: [
      at("ledger/account.worker", "holds are not found: what one account owns another cannot end, charge or refund"),
    ],
    note: PURSE,
  },
  {
    id: "lease-4",
    attack: "A charge is reported after its hold expired, with credits left and without.",
    expected: "Charged from what is available; the rest is a write-off in the journal, never a negative balance.",
    tests: [
      at("http/attacks/lease", "is taken once from what is available then"),
      at("http/attacks/lease", "is written off, visibly, where nothing is available any more"),
      at("ledger/captures", "sent again neither charges nor writes off again"),
    ],
  },
  {
    id: "lease-5",
    attack: "A lower sum is reported after a higher one.",
    expected: "Nothing changes and nothing is written.",
    tests: [at("ledger/captures", "that say no more than is known write nothing")],
    note: PURSE,
  },
  {
    id: "lease-6",
    attack: "The account's object is evicted or crashes between hold and charge.",
    expected: "Charged as usual; everything said before still stands.",
    tests: [
      at("ledger/account.worker", "is charged as usual when the object was evicted"),
      at("ledger/account.worker", "is charged as usual when the object crashed"),
    ],
    note: PURSE,
  },
  {
    id: "lease-7",
    attack: "An alarm rings twice, or never.",
    expected: "The same end after the next call.",
    tests: [
      at("ledger/alarm.worker", "delivered twice expires once"),
      at("ledger/alarm.worker", "never delivered is not missed: the next call finds the same"),
      at("ledger/endings", "ends in the same state with %d alarms in between"),
    ],
  },
  {
    id: "lease-8",
    attack: "An isolate's clock is an hour fast or slow.",
    expected: "Exactly what is paid for is served; holds and entries go by the ledger's clock.",
    tests: [at("http/attacks/lease", "by being %s serves exactly what is paid for")],
  },
  {
    id: "lease-9",
    attack: "A new Worker calls an old object, and an old Worker a new one.",
    expected: "Every race still ends at the exact sum, or the call is refused 503.",
    tests: [
      at(
        "ledger/account.worker",
        "answers RPC version %s, which it does not speak, with a value and carries out nothing",
      ),
      at("upgrade/rpc.http", "serves 40 calls of price 1 on a balance of 5 exactly 5 times"),
      at("upgrade/rpc.http", "takes 40 holds of 1 on a balance of 5 exactly 5 times"),
      at(
        "upgrade/rpc.http",
        "spend one balance: exactly what there is, every credit of it once, and the books are sound",
      ),
    ],
  },
  {
    id: "lease-10",
    attack: "A revoked token is used where KV does not know of it yet.",
    expected: "Refused 401 `token_revoked` at the next paid call; an included route at the end of KV's lag.",
    tests: [
      at("http/attacks/lease", "keeps no withdrawn token paying"),
      at("http/race-isolates", "a token that one isolate withdraws pays at none from then on"),
    ],
  },
  {
    id: "lease-11",
    attack: "A top-up arrives while KV still says that nothing is left.",
    expected: "The next call is paid and served: the ledger is asked before a 402.",
    tests: [
      at("http/402", "goes away with a top-up of the shortfall, at the very next call"),
      at("http/plans", "what says a balance of nothing refuses nobody"),
      at("http/attacks/lease", "withholds no top-up"),
    ],
  },
  {
    id: "lease-12",
    attack: "KV answers nonsense, another version's records, or throws.",
    expected: "The ledger decides: no 500, nothing for nothing.",
    tests: [
      at("http/plans", "the ledger decides what the plan makes free, and what is charged: %j"),
      at("http/plans", "what says a balance of plenty pays for nobody"),
      at("http/attacks/lease", "serves nothing for nothing and refuses nobody who pays: the ledger is asked"),
    ],
  },
];
