/** Random histories of an account: few ids, small amounts and times that meet, so that commands get in each other's way. */
import * as fc from "fast-check";
import { credits } from "../../src/credits.ts";
import type { Answer, Command, GrantCommand, HoldCommand } from "../../src/ledger/command.ts";
import { only } from "../../src/ledger/store.ts";
import { NOW, SECOND } from "../support/command.ts";

export type Step = { readonly wait: number; readonly command: Command };

const ROUTES = ["GET /v1/search", "POST /v1/reports"];
const amount = (min: number, max: number): fc.Arbitrary<ReturnType<typeof credits>> =>
  fc.integer({ min, max }).map(credits);
const is = <const T>(value: T): fc.Arbitrary<T> => fc.constant(value);
const index = fc.integer({ min: 0, max: 3 });

/** The contents of a history's grants and holds, so that sending an id again mostly sends the same content. */
const grant = fc.record<GrantCommand>({
  op: is("grant"),
  id: is(""),
  credits: amount(1, 5),
  kind: fc.constantFrom("bought", "promotional"),
  priority: fc.constantFrom(1, 1, 1, 2),
  expiresAt: fc.constantFrom(null, null, ...[1, 2, 3, 4].map((seconds) => NOW + seconds * SECOND)),
  routes: fc.constantFrom(null, null, null, null, null, ROUTES, ...ROUTES.map((one) => [one])),
});
const hold = fc.record<HoldCommand>({
  op: is("hold"),
  id: is(""),
  credits: amount(1, 5),
  ttlSeconds: fc.integer({ min: 1, max: 4 }),
  route: fc.constantFrom("GET /v1/search", "GET /v1/search", ...ROUTES),
  includedBy: fc.constantFrom<string[][]>([], [], [], [], ["pro"]),
  token: fc.record({ jti: fc.constantFrom("t1", "t1", "t2", null), issuedAt: fc.constantFrom(2, 2, 1) }),
  cap: fc.option(
    fc.record({ jti: fc.constantFrom("t1", "t2"), credits: amount(2, 8), until: is(NOW + 1000 * SECOND) }),
    {
      freq: 2,
    },
  ),
  idempotency: fc.option(fc.record({ key: fc.constantFrom("k1", "k1", "k2"), digest: fc.constantFrom("a", "a", "b") })),
});
type Pool = { readonly grants: readonly GrantCommand[]; readonly holds: readonly HoldCommand[] };
const four = { minLength: 4, maxLength: 4 };
const pool = fc.record<Pool>({ grants: fc.array(grant, four), holds: fc.array(hold, four) });

type Make = (pool: Pool) => Command;
const grantNumber =
  (n: number): Make =>
  ({ grants }) => ({ ...only(grants.slice(n)), id: `g${n}` });
const holdNumber =
  (n: number): Make =>
  ({ holds }) => ({ ...only(holds.slice(n)), id: `h${n}` });
const withOther =
  (make: Make, n: number): Make =>
  (from) =>
    ({ ...make(from), credits: credits(n) }) as Command;

const answer: Answer = { status: 200, headers: [["x", "y"]], body: new Uint8Array([1, 2]) };
const holdId = fc.constantFrom("h0", "h0", "h0", "h0", "h1", "h1", "h2");
const final = fc.constantFrom(false, false, true);
const settings: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ op: is("status"), status: fc.constantFrom("active", "active", "active", "suspended") }),
  fc.record({ op: is("plan"), plan: fc.constantFrom("pro", null), until: fc.constantFrom(null, NOW + 2 * SECOND) }),
  fc.record({ op: is("revoke"), jti: fc.constantFrom("t2", "t2", "t1"), until: is(NOW + 1000 * SECOND) }),
  fc.record({ op: is("revoke_all"), issuedAt: fc.constantFrom(0, 1) }),
);
const plain: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ op: is("capture"), id: holdId, credits: amount(0, 5), final }) },
  { weight: 2, arbitrary: fc.record({ op: is("void"), id: holdId }) },
  { weight: 1, arbitrary: fc.record({ op: is("keep"), id: holdId, answer: fc.constantFrom(null, answer) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: is("refund"),
      id: fc.constantFrom("r0", "r1", "r2", "r3"),
      holdId,
      credits: fc.option(amount(0, 3), { freq: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: is("reverse"), id: fc.constantFrom("g0", "g1", "g2", "g3", "refund/r0/0") }),
  },
  { weight: 1, arbitrary: settings },
);
const made: fc.Arbitrary<Make> = fc.oneof(
  { weight: 3, arbitrary: index.map(grantNumber) },
  { weight: 5, arbitrary: index.map(holdNumber) },
  {
    weight: 1,
    arbitrary: fc.tuple(index.map(grantNumber), fc.integer({ min: 1, max: 3 })).map(([make, n]) => withOther(make, n)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(index.map(holdNumber), fc.integer({ min: 1, max: 6 })).map(([make, n]) => withOther(make, n)),
  },
  { weight: 24, arbitrary: plain.map((command) => () => command) },
);

/** Mostly no time passes; when it does, deadlines are met to the millisecond or just missed. */
const wait = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, SECOND - 1, SECOND, 2 * SECOND);
const step = fc.record({ wait, make: made });
const steps = fc.array(step, { minLength: 1, maxLength: 20, size: "max" });
const granted = fc.constantFrom(4, 3, 3, 2, 2, 1, 0);
const held = fc.constantFrom(2, 1, 1, 1, 0);
const reported = fc.constantFrom(0, 0, 1, 2, 3);

/** Up to four grants, two holds and a first report, and then anything. */
export const history: fc.Arbitrary<Step[]> = fc
  .tuple(pool, granted, held, reported, steps)
  .map(([contents, grants, holds, report, rest]) => {
    const first: Command = { op: "capture", id: "h0", credits: credits(report), final: false };
    const opening: Make[] = [
      ...Array.from({ length: grants }, (_, n) => grantNumber(n)),
      ...Array.from({ length: holds }, (_, n) => holdNumber(n)),
      ...(report > 0 ? [() => first] : []),
    ];
    const all = [...opening.map((make) => ({ wait: 0, make })), ...rest];
    return all.map((one) => ({ wait: one.wait, command: one.make(contents) }));
  });
