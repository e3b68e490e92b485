/** Attacks on the 402 itself, and on whoever has to act on it. */
import { at, type Case } from "../case.ts";

export const CHALLENGE: readonly Case[] = [
  {
    id: "challenge-1",
    attack: "A challenge that a strict client cannot parse.",
    expected: "An independent reader understands every challenge, for every name the config allows.",
    tests: [
      at("http/challenge", "carries a challenge an independent reader understands"),
      at("gate/challenge", "parses for every name the config allows"),
    ],
  },
  {
    id: "challenge-2",
    attack: "A name with quotes, backslashes, line breaks, other letters or 10 kB goes into the challenge.",
    expected: "The gate serves nothing, 503 `gate_misconfigured`; never 500.",
    tests: [at("http/challenge", "serves nothing, and names the mistake: %s")],
  },
  {
    id: "challenge-3",
    attack: "A challenge names another price than is charged next.",
    expected: "The price named is the price charged, on every route.",
    tests: [
      at("http/402", "asks for the price that the call then costs, on every route"),
      at("http/attacks/price", "is told again before it is paid, and then charged as told"),
    ],
  },
  {
    id: "challenge-4",
    attack: "An expired or altered challenge comes back with a payment.",
    expected: "Refused with a fresh one.",
    notApplicable: "A challenge names where to pay and is never sent back until x402 is built.",
  },
  {
    id: "challenge-5",
    attack: "A page cannot read the refusal it should act on.",
    expected: "The headers are exposed and the preflight passes, for the sites the config lists.",
    tests: [
      at("http/challenge", "can be read by a script in a browser, unless it is the operator's"),
      at("http/challenge", "lets a page of any site send its token, but no cookies"),
      at("http/challenge", "from %s is allowed for %s where the config names the sites"),
    ],
  },
  {
    id: "challenge-6",
    attack: "A problem that contradicts its status line, or tells a balance to strangers.",
    expected: "Body and line agree, HEAD has no body, a balance is for its owner.",
    tests: [
      at("http/challenge", "is a problem (RFC 9457) with the members the contract names, and no others"),
      at("http/challenge", "has the same headers for HEAD, and no body"),
      at("gate/denial", "%s has its status, in the line and in the body"),
      at("http/402", "never shows a balance to who has no valid token"),
    ],
  },
  {
    id: "challenge-7",
    attack: "A client waits for what waiting does not mend, or hammers what it would.",
    expected: "Retry-After only where waiting helps.",
    tests: [
      at("http/challenge", "is kept by no cache, and says that trying again does not help"),
      at("http/402", "asks to wait where credits in flight would suffice"),
      at("gate/denial", "%s says whether trying again can help, everywhere alike"),
    ],
  },
];
