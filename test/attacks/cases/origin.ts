/** Attacks past the gate: look-alike headers, smuggled requests, the origin's own door, origins that are none. */
import { at, type Case, type Proof } from "../case.ts";

const lookAlike = (name: string): Proof =>
  at("http/to-origin", "takes no %s from the caller, in any spelling", `"${name}"`);

export const ORIGIN: readonly Case[] = [
  {
    id: "origin-1",
    attack: "A caller sends the headers by which the gate speaks to the origin.",
    expected: "Paid; the origin sees the gate's own, once.",
    tests: [
      lookAlike("payment-context"),
      at("http/payment-context", "cannot be replaced by the caller's"),
      at("http/attacks/origin", "refuses an overheard statement that a caller sends through the gate"),
    ],
  },
  {
    id: "origin-2",
    attack: "A caller says where it comes from: X-Forwarded-For, Forwarded, True-Client-IP and the like.",
    expected: "Paid; the origin sees what the edge says and nothing else.",
    tests: [
      lookAlike("true-client-ip"),
      lookAlike("x-forwarded-for"),
      lookAlike("forwarded"),
      at("http/to-origin", "says where the caller is in the edge's words alone"),
    ],
    note: "Of the names the contract lists; other, older names pass.",
  },
  {
    id: "origin-3",
    attack: "A caller hides its token among cookies.",
    expected: "Paid; that header does not reach the origin, other cookies do.",
    tests: [
      at("http/to-origin", "leaves other cookies alone"),
      at("http/to-origin", "does not reach the origin in %s"),
    ],
  },
  {
    id: "origin-4",
    attack: "A caller sends headers that frameworks take for their own inner ones.",
    expected: "Paid; X-Internal-* and X-Middleware-* do not reach the origin.",
    tests: [
      lookAlike("x-internal-user"),
      lookAlike("x-middleware-subrequest"),
      at("http/402-price", "is what the request line says, whatever %s says"),
    ],
  },
  {
    id: "origin-5",
    attack: "A caller sends header values outside ASCII, or of 8 kB.",
    expected: "Paid and forwarded whole, or refused 400.",
    tests: [
      at("http/to-origin", "forwards a %s header value whole, or refuses it"),
      at("http/to-origin", "forwards headers that mean nothing to it, as they are"),
    ],
  },
  {
    id: "origin-6",
    attack: "A caller sends hop-by-hop headers, and names ours in Connection to have them dropped.",
    expected: "Paid; those are gone, ours are there.",
    tests: [
      at("http/to-origin", "takes no hop-by-hop header from the caller, nor one that Connection names"),
      at("http/501", "never asks the origin for an upgrade to %s"),
      lookAlike("proxy-authorization"),
    ],
  },
  {
    id: "origin-7",
    attack: "An origin names headers in its Connection.",
    expected: "Paid; those are gone from the answer, the receipt and no-store are not.",
    tests: [
      at("http/from-origin", "does not hand on what its Connection names"),
      at("http/from-origin", "cannot have the receipt removed by naming it in Connection"),
    ],
  },
  {
    id: "origin-8",
    attack: "An origin is after the buyer's token.",
    expected: "Paid; neither Authorization nor the token in any other header reaches it, only its own credentials.",
    tests: [
      at("http/to-origin", "does not reach the origin in %s"),
      at("http/to-origin", "does not reach the origin of a free route as %s"),
      at("http/to-origin", "adds the origin's own credentials"),
    ],
    note: "A token a caller puts into URL or body goes on with them.",
  },
  {
    id: "origin-9",
    attack: "An origin redirects to another host to have credentials or bodies sent there.",
    expected: "Handed to the caller, charged as a 3xx, never followed.",
    tests: [
      at("http/304", "hands a %i to the caller, charged, and does not follow it"),
      at("http/304", "does not send a POST's body after a %i"),
    ],
  },
  {
    id: "origin-10",
    attack: "Somebody reads the log, or the answers to mistakes, for tokens and secrets.",
    expected: "Neither holds a token, a secret, a body or a query.",
    tests: [
      at("http/logs", "keeps tokens, secrets, bodies and queries out of its log"),
      at("http/operator-traces", "is in no answer but the one that hands it out, and in no line of the log"),
      at("http/attacks/origin", "is neither a token nor a secret nor a body"),
    ],
  },
  {
    id: "origin-11",
    attack: "Somebody finds the origin and goes around the gate.",
    expected: "403 from an origin that checks PAYMENT-CONTEXT as the sample does.",
    tests: [
      at(
        "http/attacks/origin",
        "refuses whoever goes around the gate, with no statement or with one of their own making",
      ),
    ],
  },
  {
    id: "origin-12",
    attack: "A forwarded call is overheard and sent to the origin again, as it was or to another path.",
    expected: "403 from the sample: a statement is for one URL, once, for 120 s.",
    tests: [at("http/attacks/origin", "refuses a statement that was overheard: again, or for another path or query")],
    note: "The sample remembers statements in one process. A statement does not cover method or body: it is the first to arrive that counts.",
  },
  {
    id: "origin-13",
    attack: "The signing key is replaced while calls are under way.",
    expected:
      "Calls signed with either key are served while both are published; the old key's are not once it is gone.",
    tests: [
      at("http/attacks/origin", "the origin takes calls signed with either key"),
      at("http/payment-context", "can be replaced: the first of a set signs"),
    ],
  },
  {
    id: "origin-14",
    attack:
      "An operator, or who edits for one, points the origin at http, an IP address, localhost, a metadata service or the gate.",
    expected: "The gate serves nothing, 503 `gate_misconfigured`.",
    tests: [
      at("http/misconfigured", "serves nothing with %s", "an origin that is the metadata service"),
      at("http/misconfigured", "serves nothing with %s", "an origin that is the gate"),
      at("config/mistakes", "names key, value and mend: %s", '"http://o.example"'),
    ],
  },
  {
    id: "origin-15",
    attack: "The origin leads back to the gate.",
    expected: "Refused 508 `loop_detected` before a hold where it can be known, else voided: one round, no charge.",
    tests: [
      at("http/508", "refuses %s before a hold"),
      at("http/508", "charges nothing for %s %s, and goes round once"),
      at("http/508", "ends the round of a proxy that hides it"),
    ],
  },
  {
    id: "origin-16",
    attack: "A second request is hidden behind the first by lengths, encodings, folded lines or bare line feeds.",
    expected: "One paid call or none; nothing smuggled reaches the origin.",
    tests: [
      at("http/smuggling", "is one paid call or none, with the second %s"),
      at("http/smuggling", "takes no token from a header that is none: %j"),
      at("http/smuggling", "pays for each of two requests on one connection, or serves it not"),
    ],
    note: "Against the local runtime; Cloudflare's edge parses requests before the Worker sees them and is not tested here.",
  },
  {
    id: "origin-17",
    attack: "A caller waits for 100 Continue, or an origin answers in instalments with 100, 102 or 103.",
    expected: "Paid once; instalments are dropped.",
    tests: [
      at("http/upload", "waits for no 100 Continue, and is charged once where one was asked for"),
      at("http/502", "waits for the answer behind a %s and charges it once"),
    ],
  },
];
