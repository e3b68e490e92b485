/** That the list of attacks is whole, that every test it names exists, and that docs/security.md says what it says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeSecurityPage, SECURITY_PAGE } from "../../scripts/security-table.ts";
import { GROUPS } from "./cases.ts";
import { titlesIn, titlesOf } from "./titles.ts";

const root = join(import.meta.dirname, "../..");
const CASES = GROUPS.flatMap(({ cases }) => cases);

/** How many cases each group has. */
const SIZES = {
  token: 21,
  price: 21,
  spend: 20,
  keys: 7,
  lease: 12,
  origin: 17,
  cache: 8,
  stream: 9,
  webhook: 16,
  admin: 9,
  challenge: 7,
  limits: 9,
  deploy: 6,
};
const IDS = Object.entries(SIZES).flatMap(([group, size]) =>
  Array.from({ length: size }, (_, n) => `${group}-${n + 1}`),
);

describe("the list of attacks", () => {
  it("has each of its 162 cases exactly once, in order", () => {
    expect(IDS).toHaveLength(162);
    expect(CASES.map(({ id }) => id)).toEqual(IDS);
    for (const { name, cases } of GROUPS) expect(cases.every(({ id }) => id.startsWith(`${name}-`))).toBe(true);
  });

  it.each(CASES)("says of $id what is tried and what happens, and either how that is proven or why it is not", (of) => {
    for (const sentence of [of.attack, of.expected, of.note, of.notApplicable])
      if (sentence !== undefined) expect(sentence).toMatch(/^[A-Z0-9].*\.$/);
    expect((of.tests ?? []).length > 0).toBe(of.notApplicable === undefined);
    const named = (of.tests ?? []).map((proof) => JSON.stringify(proof));
    expect(new Set(named).size).toBe(named.length);
  });
});

/** Every test that is named, once, with a case that names it. */
const NAMED = [
  ...new Map(
    CASES.flatMap(({ id, tests = [] }) =>
      tests.map(({ file, name, row = "" }) => [`${file} › ${name} ${row}`, { id, file, name, row }] as const),
    ),
  ),
];

describe("a test that is named", () => {
  it.each(NAMED)("%s is there", (_title, { id, file, name, row }) => {
    const path = join(root, file);
    const found = titlesOf(path).filter((title) => title === name || title.startsWith(name));
    expect(found, `${id}: no test of that title`).not.toEqual([]);
    expect(readFileSync(path, "utf8"), `${id}: no such row`).toContain(row);
    expect(found.includes(name) || found.length === 1, `${id}: more than one begins so: ${found.join("; ")}`).toBe(
      true,
    );
  });
});

describe("a title", () => {
  it.each([
    ['it("says a", () => {', "says a"],
    ['  it("says a", async () => {', "says a"],
    ["it.each([1, 2])(\n    'says \"%s\"',\n    async (n) => {", 'says "%s"'],
    ["  ])(`says ${x}`, async () => {", "says ${x}"],
    ['describe.each(CASES)("%s", (...of) => {', "%s"],
    ['describe.skipIf(missing)("a", { timeout: 1 }, () => {', "a"],
    ['it.each<[string, object]>([["x", {}]])("says b", (x) => {', "says b"],
  ])("is read as written: %j", (source, title) => {
    expect(titlesIn(source)).toEqual([title]);
  });

  it.each(['// it("is a comment", () => {', 'expect("a", "b");', "it(named, () => {", 'at("http/402", "a title");'])(
    "is not read out of %s",
    (source) => {
      expect(titlesIn(source)).toEqual([]);
    },
  );
});

describe("docs/security.md", () => {
  it("is what npm run security-table makes", () => {
    expect(readFileSync(SECURITY_PAGE, "utf8")).toBe(makeSecurityPage());
  });
});
