/** Attacks on the length of an answer: ranges, upgrades, streams. */
import { at, type Case } from "../case.ts";

const METERED =
  "Calls metered by what the answer used are not built; every call has one price, charged when its answer begins.";

export const STREAM: readonly Case[] = [
  {
    id: "stream-1",
    attack: "A caller fetches a resource byte by byte.",
    expected: "Each of a thousand ranges is paid in full; the next is refused 402.",
    tests: [
      at("http/attacks/stream", "of one byte costs what all of it costs, a thousand times over"),
      at("http/200", "charges every partial answer in full"),
    ],
  },
  {
    id: "stream-2",
    attack: "A caller asks for many ranges at once, overlapping ones, or ones that are none.",
    expected: "206 and 200 are paid in full; the origin's 416 is free and holds nothing of the resource.",
    tests: [at("http/attacks/stream", "(%s) gives no byte of it for nothing: %s")],
  },
  {
    id: "stream-3",
    attack: "A caller turns one call into an endless connection.",
    expected: "Refused 501 `upgrade_not_sold`, unless the route sells the connection, at its price.",
    tests: [
      at("http/501", "refuses a WebSocket on %s, and forwards nothing"),
      at("http/upgrade", "opens exactly as many sockets as are paid for"),
      at("http/upgrade", "is refused, with %s, before the origin hears of it"),
    ],
  },
  {
    id: "stream-4",
    attack: "A gate that buffers keeps a stream from its caller.",
    expected: "Paid; each event is with the caller within 50 ms, before the origin's next.",
    tests: [
      at("http/attacks/stream", "reaches its caller as the origin sends it"),
      at("http/stream", "reaches the caller event by event, charged when it begins"),
    ],
  },
  {
    id: "stream-5",
    attack: "A stream lasts for minutes.",
    expected: "Paid once, when it begins; not cut, though it lasts longer than time-out and hold.",
    tests: [
      at("http/attacks/stream", "that lasts longer than credits are ever set aside is not cut"),
      at("http/504", "does not cut an answer that has begun, however long it takes"),
    ],
    note: "Shown with a stream of three times the hold's life, not of ten minutes.",
  },
  {
    id: "stream-6",
    attack: "The origin breaks off in the middle.",
    expected: "Stays paid and looks broken to the caller; one command gives it back.",
    tests: [at("http/stream", "stays charged when the origin breaks off %s, and looks broken to the caller")],
  },
  {
    id: "stream-7",
    attack: "A hold runs out while the answer still streams.",
    expected: "It cannot: the charge is taken when the answer begins.",
    tests: [
      at("http/attacks/stream", "that lasts longer than credits are ever set aside is not cut"),
      at("http/attacks/lease", "is taken once from what is available then"),
    ],
  },
  {
    id: "stream-8",
    attack: "An origin reports a usage that is larger than the hold, negative, missing or sent twice.",
    expected: "At most the hold, and once.",
    notApplicable: METERED,
  },
  {
    id: "stream-9",
    attack: "An origin compresses its answer, so that the meter cannot read it.",
    expected: "The meter reads it all the same, or the call is charged by estimate.",
    notApplicable: METERED,
  },
];
