/** The WHATWG URL cases, in workerd: a target is refused, or forwarded as exactly the path and query they say it has. */
import { expect, it } from "vitest";
import { parseTarget } from "../../src/gate/path.ts";
import { describeVectors, whatwgUrl } from "../support/vectors.ts";

type Case = { readonly input: string; readonly protocol: string; readonly pathname: string; readonly search: string };

const GATE = "http://gate.example";
const ORIGIN = "https://origin.example";

/** What a client could put on the request line for a case, as written; undefined if its path depends on a base URL. */
function rawTarget({ input }: Case): string | undefined {
  return (
    /^https?:[/\\]{2}[^/\\?#]*(?<target>.*)$/is.exec(input)?.groups?.["target"] ?? /^\/(?![/\\]).*$/s.exec(input)?.[0]
  );
}

/** What reaches the origin: "refused", or path and query after workerd has had them in a Request. */
function forwarded(target: string): string {
  const parsed = parseTarget(GATE + target);
  return "why" in parsed ? "refused" : new Request(ORIGIN + parsed.path + parsed.query).url.slice(ORIGIN.length);
}

describeVectors("urltestdata.json", whatwgUrl, () => {
  const all = (whatwgUrl.get("urltestdata.json") ?? []) as (string | (Case & { readonly failure?: true }))[];
  const cases = all.filter(
    (entry): entry is Case => typeof entry === "object" && entry.failure !== true && /^https?:$/.test(entry.protocol),
  );
  const judge = (name: string, targets: readonly (readonly [target: string, testCase: Case])[]): void => {
    const seen = targets.map(([target, { pathname, search }]) => ({
      target,
      expected: pathname + search,
      got: forwarded(target),
    }));
    const refused = seen.filter(({ got }) => got === "refused").length;
    console.log(
      `urltestdata.json, ${name}: ${seen.length} cases, ${refused} refused, ${seen.length - refused} forwarded`,
    );
    expect(seen.filter(({ expected, got }) => got !== "refused" && got !== expected)).toEqual([]);
    expect(refused).toBeLessThan(seen.length);
  };

  it("forwards a target as written without a third reading of it", () => {
    judge(
      "as written",
      cases.flatMap((testCase) => {
        const target = rawTarget(testCase);
        return target === undefined ? [] : [[target, testCase] as const];
      }),
    );
  });

  it("forwards a target as parsed without a third reading of it", () => {
    expect(cases.length).toBe(247);
    judge(
      "as parsed",
      cases.map((testCase) => [testCase.pathname + testCase.search, testCase] as const),
    );
  });
});
