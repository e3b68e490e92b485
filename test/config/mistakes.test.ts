/** One broken config a mistake: what is said names the key, the value and the mend. */
import { describe, expect, it } from "vitest";
import { checkConfig } from "../../src/config/check.ts";
import { mistakesWith, RIGHT, told, withValue } from "./right.ts";

type Path = readonly (string | number)[];
/** Where the mistake is, the wrong value, the key that is named, a part of the problem, a part of the mend. */
type Row = readonly [path: Path, value: unknown, key: string, problem: string, mend: string];

const rows = (key: string, path: Path, mend: string, values: readonly unknown[]): Row[] =>
  values.map((value) => [path, value, key, show(value), mend]);
const show = (value: unknown): string => (value === undefined ? "missing" : JSON.stringify(value).slice(0, 70));
const named = (row: Row): readonly [string, ...Row] => [`${row[0].join(".")}: ${show(row[1])}`, ...row];

function expectOne(path: Path, value: unknown, key: string, problem: string, mend: string): void {
  const mistakes = mistakesWith(path, value);
  expect(mistakes).toEqual([{ key, problem: expect.stringContaining(problem), mend: expect.stringContaining(mend) }]);
}

describe("a config that is right", () => {
  it("has nothing said of it", () => {
    expect(told(checkConfig(RIGHT))).toBe("");
    expect(told(checkConfig({ name: "A", origin: "route", prices: {} }))).toBe("");
    expect(told(checkConfig({ name: "A", origin: { binding: "ORIGIN" }, prices: {} }))).toBe("");
  });
});

describe("a mistake in the general keys", () => {
  it.each(
    [
      ...rows("name", ["name"], "1 to 100 printable ASCII", [
        undefined,
        "",
        5,
        'a"b',
        "a\\b",
        "é",
        "a\nb",
        "x".repeat(101),
      ]),
      ...rows("publicUrl", ["publicUrl"], "scheme and host only", [
        "api.example.com",
        "https://api.example.com/",
        "https://api.example.com/v1",
        "HTTPS://api.example.com",
        "https://api.example.com:443",
        "https://user@api.example.com",
        "ftp://api.example.com",
        "wss://api.example.com",
        5,
      ]),
      ...rows("unlisted", ["unlisted"], '"deny", "free" or a price', ["allow", 0, -1, 0.5, "0.5", true, 1e13]),
      ...rows("chargeOn", ["chargeOn"], '"2xx-3xx" or "2xx-4xx"', ["2xx", "all", true, 200]),
      ...rows("passOriginStatus", ["passOriginStatus"], "401, 402 or both", [401, ["401"], [403], [401, 500]]),
      ...rows("holdTtlSeconds", ["holdTtlSeconds"], "whole number of seconds, 1 to 86400", ["60", 86_401, 90.5]),
      ...rows("payments", ["payments"], 'topUpUrl: "https', ["https://pay.example.com", []]),
      ...rows("payments.topUpUrl", ["payments", "topUpUrl"], "https URL", [
        "http://pay.example.com",
        "/pay",
        "javascript:alert(1)",
        "https://pay.example.com/a b",
        'https://pay.example.com/">',
        "https://pay.example.com/<x>",
        5,
      ]),
      ...rows("support", ["support"], "mailto:help@example.com", ["help@example.com", "http://x.example", "tel:1", 5]),
      ...rows("cors", ["cors"], "origins:", ["*", ["*"]]),
      ...rows("cors.origins", ["cors", "origins"], 'write ["*"]', [
        "*",
        [],
        ["*", "https://a.example"],
        ["https://a.example/"],
        ["a.example"],
        ["null"],
        [5],
      ]),
    ].map(named),
  )("names key, value and mend: %s", (_name, ...row) => {
    expectOne(...row);
  });

  it("names a hold that ends before its call may", () => {
    expectOne(
      ["holdTtlSeconds"],
      59,
      "holdTtlSeconds",
      "is 59, less than the longest time-out, 60",
      "the longest timeoutSeconds and 60 more",
    );
  });

  it.each<[Path, string, string]>([
    [["nam"], "nam", "known here: name, publicUrl, origin"],
    [["origin", "URL"], "origin.URL", "known here: url, insecure, headers"],
    [["origin", "headers", "X-Api-Key", "prefx"], 'origin.headers["X-Api-Key"].prefx', "secret, prefix"],
    [["tokens", 0, "alg"], "tokens[0].alg", "known here: issuer, audience"],
    [["prices", "POST /v1/reports", "price"], 'prices["POST /v1/reports"].price', "known here: credits, scope"],
    [["plans", "pro", "routes"], 'plans["pro"].routes', "known here: includes"],
    [["payments", "topupUrl"], "payments.topupUrl", "known here: topUpUrl"],
    [["cors", "credentials"], "cors.credentials", "known here: origins"],
  ])("names an unknown key and the known ones: %j", (path, key, mend) => {
    expectOne(path, 1, key, "is not a known key", mend);
  });
});

describe("a mistake in the origin", () => {
  it.each(
    [
      ...rows("origin", ["origin"], '{ url: "https', [undefined, null, "https://origin.example.com", 5, []]),
      ...rows("origin.url", ["origin", "url"], "absolute URL", [
        5,
        "",
        "origin.example.com",
        "ftp://o.example",
        "https://",
      ]),
      ...rows("origin.url", ["origin", "url"], "scheme and host only", [
        "https://o.example/v1",
        "https://o.example/?a=1",
        "https://o.example/#a",
        "https://user:pass@o.example",
      ]),
      ...rows("origin.url", ["origin", "url"], "https and a public name", [
        "http://o.example",
        "https://127.0.0.1",
        "https://0x7f.1",
        "https://2130706433",
        "https://169.254.169.254",
        "https://[::1]",
        "https://localhost",
        "https://localhost:8443",
        "https://api.localhost",
        "https://printer.local",
        "https://metadata.google.internal",
        "https://localhost.",
        "https://metadata.google.internal.",
        "https://metadata",
      ]),
      ...rows("origin.url", ["origin", "url"], "the server behind the gate", [
        "https://api.example.com",
        "https://API.example.com",
        "https://api.example.com:443",
        "https://api.example.com.",
      ]),
      ...rows("origin.insecure", ["origin", "insecure"], "true or leave it out", [false, "yes", 1]),
      ...rows("origin.timeoutSeconds", ["origin", "timeoutSeconds"], "1 to 3600", [0, -1, "30", 1.5]),
      ...rows('origin.headers["X-Plain"]', ["origin", "headers", "X-Plain"], "secret:", [5, { name: "A" }, []]),
      ...rows('origin.headers["X-Api-Key"]', ["origin", "headers", "X-Api-Key", "prefix"], "", [5, "Bearer\n", "é"]),
      ...rows("origin.headers", ["origin", "headers"], "", [5, "X-Plain: text", ["text"], true]),
    ].map(named),
  )("names key, value and mend: %s", (_name, ...row) => {
    expectOne(...row);
  });

  it.each<[string, unknown, string, string]>([
    ["X Plain", "a", "is no header name", "letters, digits and hyphens"],
    ["X-Plain:", "a", "is no header name", "letters, digits and hyphens"],
    ["", "a", "is no header name", "letters, digits and hyphens"],
    ["Farebox-Account", "a", "a header the gate sets itself", "another name"],
    ["payment-context", "a", "a header the gate sets itself", "another name"],
    ["Via", "a", "a header the gate sets itself", "another name"],
    ["X-Forwarded-For", "a", "a header the gate sets itself", "another name"],
    ["X-Value", "a\r\nB: c", "other than printable ASCII", "printable ASCII"],
    ["X-Value", "é", "other than printable ASCII", "printable ASCII"],
  ])("names the header %j", (name, value, problem, mend) => {
    expectOne(["origin", "headers", name], value, `origin.headers[${JSON.stringify(name)}]`, problem, mend);
  });

  it("names a time-out of more than an hour", () => {
    const origin = { binding: "ORIGIN", timeoutSeconds: 3601 };
    expect(told(checkConfig({ name: "A", origin, prices: {} }))).toBe(
      "origin.timeoutSeconds is 3601 → write a whole number of seconds, 1 to 3600",
    );
  });

  it("names a binding without a name", () => {
    expectOne(["origin"], { binding: "" }, "origin.binding", 'is ""', "service binding of wrangler.toml");
  });

  it("names a url beside a binding", () => {
    expectOne(["origin", "binding"], "ORIGIN", "origin.binding", "not a known key", "url");
  });

  it.each(["http://127.0.0.1:8788", "http://localhost:8788", "https://[::1]", "http://origin.internal"])(
    "is none at %s once the config says insecure",
    (url) => {
      expect(told(checkConfig(withValue(["origin"], { url, insecure: true })))).toBe("");
    },
  );
});

describe("several mistakes", () => {
  it("are all named, in the order of the keys", () => {
    const config = withValue(["name"], "");
    const keys = checkConfig({
      ...config,
      origin: { url: "http://o.example", timeoutSeconds: 0 },
      prices: { "GET /a": 0, "FETCH /b": 1, "GET c": 1 } as never,
      plans: { pro: { includes: ["GET /nowhere"] } },
      support: "nobody",
      surprise: 1,
    } as never).map(({ key }) => key);
    expect(keys).toEqual([
      "surprise",
      "name",
      "origin.url",
      "origin.timeoutSeconds",
      'prices["GET /a"]',
      'prices["FETCH /b"]',
      'prices["GET c"]',
      'plans["pro"].includes',
      "support",
    ]);
  });

  it.each([undefined, null, 5, "config", []])("are one if there is no config at all: %j", (config) => {
    expect(checkConfig(config as never)).toEqual([
      { key: "farebox.config.ts", problem: "does not export a config", mend: expect.stringContaining("defineConfig") },
    ]);
  });
});
