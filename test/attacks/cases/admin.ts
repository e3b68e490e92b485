/** Attacks on the operator's door and on what others may learn of an account. */
import { at, type Case } from "../case.ts";

export const ADMIN: readonly Case[] = [
  {
    id: "admin-1",
    attack:
      "Somebody calls the operator's API without its secret: with none, a buyer's token, or one that claims to be more.",
    expected: "Refused 401 `operator_only`; nothing changes and nothing is told.",
    tests: [
      at("http/operator-access", "answers %s with 401, does nothing and tells nothing"),
      at("http/attacks/admin", "%s opens nothing and changes nothing"),
    ],
  },
  {
    id: "admin-2",
    attack: "A page in an operator's browser calls the API.",
    expected: "No preflight allows it and no answer can be read.",
    tests: [
      at("http/operator-access", "can read no operator's answer at %s"),
      at("http/operator-access", "are let by no preflight"),
    ],
  },
  {
    id: "admin-3",
    attack: "A grant is sent twice under one id, or again with another sum.",
    expected: "Added once; other content is 409 `grant_conflict`.",
    tests: [
      at("http/attacks/admin", "sent again under its id adds nothing"),
      at("http/operator-grants", "adds once however many send it at the same time"),
    ],
  },
  {
    id: "admin-4",
    attack: "A sum or a price is negative, a fraction, too large, text or no number.",
    expected: "A grant is refused 400 with nothing written; a config with such a price serves nothing.",
    tests: [
      at("http/attacks/admin", "of %s credits is refused, and nothing is written"),
      at("config/mistakes-selling", "names route, price and mend: %s"),
    ],
    note: "Prices are in the config; no API sets them.",
  },
  {
    id: "admin-5",
    attack: "An operator's change leaves no trace.",
    expected: "An entry where credits move, and a line of the log for every change, by its request's id.",
    tests: [at("http/attacks/admin", "leaves its trace: an entry where credits move")],
    note: "There is one operator's secret, so a trace names the request and not a person.",
  },
  {
    id: "admin-6",
    attack: "Somebody guesses account ids to read a balance.",
    expected: "The same 401 for an account there is and one there is not; a buyer's token reads its own alone.",
    tests: [
      at("http/attacks/admin", "cannot be told from one nobody knows by guessing its id"),
      at("http/buyer", "is of the token's own account, whatever the request names"),
    ],
  },
  {
    id: "admin-7",
    attack: "Somebody reads another's balance out of a 402.",
    expected: "A balance is shown to a valid token of its account alone.",
    tests: [
      at("http/402", "never shows a balance to who has no valid token"),
      at("http/402", "tells a %s without a token the price and where a token is had"),
      at("gate/denial", "of every other refusal hold no balance"),
    ],
  },
  {
    id: "admin-8",
    attack: "Somebody tells an unknown account from an empty one by the answers.",
    expected: "The same bytes, but for the request's id.",
    tests: [
      at("http/402", "tells an unknown account the same, byte for byte, as one that is empty"),
      at("http/buyer", "shows an empty account just as one nobody knows, in a refusal too"),
    ],
  },
  {
    id: "admin-9",
    attack: "Somebody finds the secret letter by letter, by how long refusals take.",
    expected: "Digests are compared in constant time, and nothing else compares the secret.",
    tests: [
      at("attacks/limits", "is compared by digests of equal length"),
      at("attacks/limits", "is compared nowhere else, and by nothing that stops at the first difference"),
    ],
    note: "Read in the source, not measured.",
  },
];
