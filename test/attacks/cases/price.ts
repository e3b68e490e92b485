/** Attacks on the price: other spellings of a path, other methods, other hosts, prices that are none. */
import { at, type Case, type Proof } from "../case.ts";

/** The same spelling at the built Worker and against models of loose origins. */
const spelling = (id: string, row: string): readonly Proof[] => [
  at("http/400", "refuses a path with %s: %s", `"${row}"`),
  at("gate/price-evasion", "%s: %s is refused, or costs what it is worth", `["${id}", [`),
];
const LOOSE = at("http/402-price", "%s is refused, or costs as much");
const SPELLED = "Refused 400 `unusable_path`: one spelling is priced and forwarded, byte for byte.";

export const PRICE: readonly Case[] = [
  {
    id: "price-1",
    attack: "An ordinary letter of the path is escaped.",
    expected: SPELLED,
    tests: [...spelling("price-1", "/v1/%65xpensive"), LOOSE],
  },
  {
    id: "price-2",
    attack: "A slash is added to the end of the path.",
    expected: SPELLED,
    tests: [...spelling("price-2", "/v1/expensive/"), LOOSE],
  },
  {
    id: "price-3",
    attack: "The path begins with two slashes.",
    expected: SPELLED,
    tests: [...spelling("price-3", "//v1/expensive"), LOOSE],
  },
  {
    id: "price-4",
    attack: "Two slashes stand inside the path.",
    expected: SPELLED,
    tests: [...spelling("price-4", "/v1//expensive"), LOOSE],
  },
  {
    id: "price-5",
    attack: "The path is written in other letters' case.",
    expected: "Refused 400 `unusable_path` where an origin could take it for a route of another price.",
    tests: [...spelling("price-5", "/V1/Expensive"), LOOSE],
  },
  {
    id: "price-6",
    attack: "A dot segment stands in the path.",
    expected: SPELLED,
    tests: [...spelling("price-6", "/v1/./expensive"), LOOSE],
  },
  {
    id: "price-7",
    attack: "The path climbs out of a cheap route into a dear one, plainly, escaped or half escaped.",
    expected: SPELLED,
    tests: [...spelling("price-7", "/v1/cheap/../expensive"), LOOSE],
  },
  {
    id: "price-8",
    attack: "A slash inside the path is escaped.",
    expected: SPELLED,
    tests: [...spelling("price-8", "/v1%2fexpensive"), LOOSE],
  },
  {
    id: "price-9",
    attack: "An escaped slash ends the path.",
    expected: SPELLED,
    tests: spelling("price-9", "/v1/expensive%2f"),
  },
  {
    id: "price-10",
    attack: "The path ends in an escaped NUL, blank, tab or line break.",
    expected: SPELLED,
    tests: [...spelling("price-10", "/v1/expensive%00"), LOOSE],
  },
  {
    id: "price-11",
    attack: "The path holds escapes that are broken, not hexadecimal, or not UTF-8.",
    expected: SPELLED,
    tests: spelling("price-11", "/v1/expensive%XX"),
  },
  {
    id: "price-12",
    attack: "Backslashes stand for slashes, plain or escaped.",
    expected: SPELLED,
    tests: spelling("price-12", "/v1/cheap\\\\..\\\\expensive"),
  },
  {
    id: "price-13",
    attack: "The path is escaped twice.",
    expected: SPELLED,
    tests: [
      ...spelling("price-13", "/v1/%2565xpensive"),
      at("gate/price-evasion", "cheats no server, whatever it is made of"),
    ],
  },
  {
    id: "price-14",
    attack: "A caller uses OPTIONS to get an answer of the origin for nothing, or is charged for a preflight.",
    expected: "204 from the gate itself, free, never forwarded.",
    tests: [at("http/405", "is answered by the gate at %s: free, 204, never forwarded, never journaled")],
  },
  {
    id: "price-15",
    attack: "A caller uses HEAD to have the work of a GET for nothing.",
    expected: "Paid at the price of GET; without credits refused 402.",
    tests: [
      at("http/200", "charges a HEAD as its GET"),
      at("http/402", "refuses HEAD at the price of GET"),
      at("http/402-price", "does not make another method of a priced path's"),
    ],
  },
  {
    id: "price-16",
    attack: "A caller uses methods nobody sells, or a known one in small letters.",
    expected: "Refused 405 `method_not_allowed`; what is no method at all is 400, 405 or 501.",
    tests: [
      at("http/405", "refuses %s on a priced route and on one that is free"),
      at("http/405", "never forwards the method %j"),
      at("http/405", "never opens a tunnel: %s"),
    ],
  },
  {
    id: "price-17",
    attack: "A caller names another host in Host, X-Forwarded-Host or Forwarded, or puts a path into Host.",
    expected: "Paid at this gate's price and forwarded to its own origin, or refused.",
    tests: [
      at("http/402-price", "of another's in %j changes no price and no destination"),
      at("http/attacks/price", "of %s gets no call at another price than that of the path the origin is asked for"),
      at("http/401-claims", "refuses a token for one name of the gate under another name"),
    ],
  },
  {
    id: "price-18",
    attack: "A caller sends an absolute target, one of another protocol or HTTP version, or `*`.",
    expected: "Refused, or paid at the price of the path that is forwarded to our own origin; `*` is refused 400.",
    tests: [
      at("http/402-price", "in an absolute-form target neither: %s"),
      at("http/attacks/price", "%s is refused, or costs what the origin is asked for"),
      at("http/400", "refuses the target *"),
    ],
    note: "The runtime hands the Worker the path of an absolute target, so the gate cannot refuse the form as such.",
  },
  {
    id: "price-19",
    attack: "A route exists at the origin and has no price.",
    expected: "Refused 404 `not_for_sale`, with a token and without: no price is never free.",
    tests: [
      at("http/404", "refuses %s %s, with a token and without"),
      at("http/402-price", "is free where the config says so in words"),
    ],
  },
  {
    id: "price-20",
    attack: "A price is 0 by mistake.",
    expected: "The gate serves nothing, 503 `gate_misconfigured`; what is free must be called free.",
    tests: [
      at("http/misconfigured", "serves nothing with %s", "a price of 0"),
      at("http/challenge", "serves nothing, and names the mistake: %s"),
    ],
  },
  {
    id: "price-21",
    attack: "A price is raised between the refusal that named it and the call that pays.",
    expected: "A fresh 402 with the new price where the credits do not reach; then exactly the price last named.",
    tests: [
      at("http/attacks/price", "is told again before it is paid, and then charged as told"),
      at("http/attacks/price", "is one and the same in hold, forwarded header, receipt and charge of a call"),
      at("http/402", "asks for the price that the call then costs, on every route"),
    ],
    note: "A balance that reaches pays the price of the deploy that serves the call: a 402 is no binding offer until x402 is built.",
  },
];
