/** Wycheproof's hostile JOSE cases, in workerd: our verdict is the label's, but for exactly the deviations listed. */
import { expect, it } from "vitest";
import { accepts, describeVectors, wycheproof } from "../support/vectors.ts";

type Deviations = Readonly<Record<string, string>>;
type Bar = { readonly reject_though_labelled_valid?: Deviations; readonly accept_though_labelled_invalid?: Deviations };
type Case = { readonly tcId: number; readonly jws?: unknown; readonly jwe?: unknown; readonly result: string };

/** Every case of a file with the keys of its group. */
function casesOf(file: string): [jwk: Readonly<Record<string, unknown>>, testCase: Case][] {
  const { testGroups } = wycheproof.get(file);
  return testGroups.flatMap((group: { public?: object; private: object; tests: Case[] }) =>
    group.tests.map((testCase) => [group.public ?? group.private, testCase]),
  );
}

const numerically = (ids: Iterable<string | number>): number[] => [...ids].map(Number).toSorted((a, b) => a - b);

describeVectors("Wycheproof", wycheproof, () => {
  it.each([
    ["json_web_signature_test.json", 401, 393],
    ["json_web_key_test.json", 26, 25],
    ["json_web_crypto_test.json", 49, 48],
  ])("%s: of %i JWS exactly %i verdicts agree, and the others are the listed ones", async (file, total, agreeing) => {
    const listed = wycheproof.get("expected_deviations.json")[file] as Bar;
    const rejected: number[] = [];
    const accepted: number[] = [];
    const jwsCases = casesOf(file).filter(([, { jws }]) => jws !== undefined);
    for (const [jwk, { tcId, jws, result }] of jwsCases) {
      const verdict = typeof jws === "string" && (await accepts(jwk, jws));
      if (verdict && result !== "valid") accepted.push(tcId);
      if (!verdict && result !== "invalid") rejected.push(tcId);
    }
    const agree = jwsCases.length - accepted.length - rejected.length;
    console.log(
      `${file}: agree ${agree} of ${jwsCases.length}, deviations ${numerically([...rejected, ...accepted]).join()}`,
    );
    expect(rejected).toEqual(numerically(Object.keys(listed.reject_though_labelled_valid ?? {})));
    expect(accepted).toEqual(numerically(Object.keys(listed.accept_though_labelled_invalid ?? {})));
    expect([jwsCases.length, agree]).toEqual([total, agreeing]);
  });

  it("refuses every JWE", async () => {
    const jweCases = casesOf("json_web_crypto_test.json").filter(([, { jwe }]) => jwe !== undefined);
    const accepted: number[] = [];
    for (const [jwk, { tcId, jwe }] of jweCases) {
      if (await accepts(jwk, typeof jwe === "string" ? jwe : JSON.stringify(jwe))) accepted.push(tcId);
    }
    console.log(`json_web_crypto_test.json: refuses ${jweCases.length - accepted.length} of ${jweCases.length} JWE`);
    expect(accepted).toEqual([]);
    expect(jweCases.length).toBe(34);
  });
});
