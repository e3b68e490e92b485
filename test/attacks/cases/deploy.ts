/** Attacks by mistake: configs, secrets and deploys that are wrong. */
import { at, type Case } from "../case.ts";

export const DEPLOY: readonly Case[] = [
  {
    id: "deploy-1",
    attack: "A secret is missing, empty, a placeholder, too short, or ends in a line break.",
    expected: "The gate serves nothing, 503 `gate_misconfigured`, and names the secret but not its value.",
    tests: [
      at("http/misconfigured", "serves nothing with %s %s", "with a trailing newline"),
      at("config/secrets", "%s", '"tmp"'),
      at("config/secrets", "never contains it"),
    ],
  },
  {
    id: "deploy-2",
    attack: "The config has an unknown key, or two routes that one path could match.",
    expected: "The gate serves nothing and names the mistake and its mend.",
    tests: [
      at("http/misconfigured", "serves nothing with %s", "overlapping routes"),
      at("config/mistakes", "names an unknown key and the known ones: %j"),
      at("config/mistakes-selling", "names two routes that could match one path: %s and %s"),
    ],
  },
  {
    id: "deploy-3",
    attack: "Secrets of a test reach production.",
    expected: "The gate refuses to serve with them.",
    notApplicable:
      "There are none: every checkout and every test makes random secrets of its own, and none is committed. It comes back with Stripe's test keys.",
  },
  {
    id: "deploy-4",
    attack: "The compatibility date or flags drift from what was tested.",
    expected: "The tests fail.",
    tests: [at("tidy", "is of the compatibility date that is tested")],
  },
  {
    id: "deploy-5",
    attack: "Only the Worker, or only the object, is rolled back.",
    expected: "Races and restarts end as ever, or calls are refused 503.",
    tests: [
      at(
        "ledger/account.worker",
        "answers RPC version %s, which it does not speak, with a value and carries out nothing",
      ),
      at("upgrade/rpc.http", "serves 40 calls of price 1 on a balance of 5 exactly 5 times"),
      at(
        "upgrade/rollback.http",
        "older code refuses newer tables with 503 and leaves them alone, and the newer code works again",
      ),
    ],
  },
  {
    id: "deploy-6",
    attack: "A change of the tables is killed half-way.",
    expected: "The restart finishes it or refuses to serve; nothing is lost.",
    tests: [
      at(
        "upgrade/killed",
        "leaves what version 1 wrote or what today's code made of it, killed after any statement, and loses nothing",
      ),
      at(
        "upgrade/storage",
        "at any statement has changed nothing, version 1 still knows its tables, and today's code finishes it later",
      ),
      at("http/503", "refuses to read or write it, and leaves it as it is"),
    ],
  },
];
