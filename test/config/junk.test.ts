/** Whatever stands in a config where something else should, the checks end and say so: they never throw, never let it pass. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { checkConfig } from "../../src/config/check.ts";
import { setUp } from "../../src/setup.ts";
import { envOf } from "./env.ts";
import { RIGHT, told, withValue } from "./right.ts";

type Path = readonly (string | number)[];

/** Every place in the right config, but for the insides of a JWK, which are the key loader's. */
function placesIn(node: unknown, path: Path = []): Path[] {
  if (typeof node !== "object" || node === null || path.at(-2) === "keys") return path.length > 0 ? [path] : [];
  const children = Array.isArray(node) ? [...node.entries()] : Object.entries(node);
  return [...(path.length > 0 ? [path] : []), ...children.flatMap(([key, value]) => placesIn(value, [...path, key]))];
}

function valueAt(path: Path): unknown {
  return path.reduce<unknown>((node, key) => Object(node)[key], RIGHT);
}

const JUNK: readonly (readonly [string, unknown])[] = [
  ["null", null],
  ["a fraction", 5.5],
  ["NaN", Number.NaN],
  ["true", true],
  ["a list", []],
  ["a table", {}],
];
/** What JSON cannot say, so that a message about it takes some care. */
const UNSPEAKABLE: readonly (readonly [string, unknown])[] = [
  ["a bigint", 500n],
  ["a list of bigints", [500n]],
  ["a symbol", Symbol("junk")],
  ["a function", () => 1],
  ["a circle", circle()],
];

function circle(): object {
  const round: { round?: object } = {};
  round.round = round;
  return round;
}

const kindOf = (value: unknown): string => (Array.isArray(value) ? "list" : typeof value);
const PLACES = placesIn(RIGHT);

/** [] if the gate names the place, else what it does instead. */
async function outcomeOf(path: Path, name: string, junk: unknown): Promise<string[]> {
  try {
    const setup = await setUp(withValue(path, junk), envOf());
    const named = !setup.ok && told(setup.mistakes).includes(String(path[0]));
    return named ? [] : [`${path.join(".")}, ${name}: passed`];
  } catch (error) {
    return [`${path.join(".")}, ${name}: threw ${String(error)}`];
  }
}

describe("junk of another kind", () => {
  it("is looked for in every place of a config", () => {
    expect(PLACES.length).toBe(59);
  });

  it.each(PLACES.map((path) => [path.join("."), path] as const))("is named where %s should be", async (_name, path) => {
    const right = valueAt(path);
    const passed: string[] = [];
    for (const [name, junk] of JUNK) {
      // A list or table of another content, or true where true may stand, is not of another kind.
      if (kindOf(junk) === kindOf(right) && typeof right !== "number") continue;
      passed.push(...(await outcomeOf(path, name, junk)));
    }
    expect(passed).toEqual([]);
  });

  it.each(UNSPEAKABLE)("is named even if it is %s", async (name, junk) => {
    const passed: string[] = [];
    for (const path of PLACES) {
      if (kindOf(junk) !== kindOf(valueAt(path))) passed.push(...(await outcomeOf(path, name, junk)));
    }
    expect(passed).toEqual([]);
  });
});

describe("the checks", () => {
  it("end for any value whatever in any place, and what passes them can be set up", async () => {
    const value = fc.oneof(fc.anything(), fc.constantFrom("https://x.example", "GET /a", "free", "", "*", 1, 0, 60));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PLACES), value, async (path, junk) => {
        const config = withValue(path, junk);
        const mistakes = checkConfig(config);
        const setup = await setUp(config, envOf());
        if (mistakes.length > 0) expect(setup.ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(fc.anything(), (junk) => {
        expect(checkConfig(junk as Config).length).toBeGreaterThan(0);
      }),
    );
  });
});
