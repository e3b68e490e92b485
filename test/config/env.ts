/** What a deployed gate finds beside its config: bindings, of which only the presence counts here, and real secrets. */
import { makeAdminToken, makeSigningKey } from "../../scripts/secrets.ts";

const SECRETS = {
  FAREBOX_ADMIN_TOKEN: makeAdminToken(),
  FAREBOX_SIGNING_KEY: makeSigningKey(),
  HMAC_KEY: "h".repeat(64),
  ORIGIN_KEY: "origin-key",
};

/** Everything the right config needs, with these changes; undefined removes. */
export function envOf(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    KV: { get: notCalled },
    ACCOUNTS: { getByName: notCalled },
    ...SECRETS,
    ...changes,
  };
}

function notCalled(): never {
  throw new Error("setting up calls no binding");
}
