/** Attacks with Idempotency-Keys, beyond those that spend twice. */
import { at, type Case } from "../case.ts";

const ABUSE = "http/idempotency-abuse";

export const KEYS: readonly Case[] = [
  {
    id: "keys-1",
    attack: "A guessed key of another account, before an origin that itself keeps answers by key.",
    expected: "The origin sees a key that is the account's own: nobody gets another's answer.",
    tests: [
      at(ABUSE, "one account's key is never another's"),
      at("http/idempotency-keys", "is another's in another account"),
    ],
  },
  {
    id: "keys-2",
    attack: "A kept answer is asked for with a token that is revoked, suspended, or none.",
    expected: "Refused 401, 403 or 402 before the key is looked at.",
    tests: [
      at("http/idempotency-keys", "is a token that was revoked: 401"),
      at("http/idempotency-keys", "is an account that is suspended: 403"),
      at("http/idempotency-keys", "is who has no token, or no good one: 402 and 401 as ever"),
    ],
  },
  {
    id: "keys-3",
    attack: "Many large uploads with keys, all at once and never ended.",
    expected: "So many find room, 24 MiB; the others are refused 429; each is given up at the route's time-out.",
    tests: [
      at(ABUSE, "finds room or is told to wait: 40 that stall take no more memory than 24 MiB, and others are served"),
      at(ABUSE, "that stalls is given up at the route's time-out: 400, and nothing was held meanwhile"),
    ],
  },
  {
    id: "keys-4",
    attack: "An upload with a key that breaks off or is malformed.",
    expected: "Refused 400 with nothing held.",
    tests: [at(ABUSE, "that is malformed is the caller's fault: 400, and nothing is charged")],
  },
  {
    id: "keys-5",
    attack:
      "Calls in vain that go around the memory of refusals: by turns on two routes, or each under a key of its own.",
    expected: "Refused 402 and then 429, like any.",
    tests: [at(ABUSE, "%s are told 402 and then to stop, like any")],
  },
  {
    id: "keys-6",
    attack: "A charge that was lost in a crash turns up after its key served another call.",
    expected: "Written off: one key is charged once.",
    tests: [
      at("ledger/idempotency", "is written off whole where its key has passed on to a call in flight (%j)"),
      at(
        "ledger/idempotency",
        "is written off whole where its key has passed on to a charged call, whose receipt the key goes on giving",
      ),
    ],
  },
  {
    id: "keys-7",
    attack: "Answers kept without end.",
    expected: "16 MiB an account, and none whose key no longer asks for it.",
    tests: [
      at("ledger/orphans", "is not kept for a call whose key has passed on to another, or is dropped with the rest"),
    ],
  },
];
