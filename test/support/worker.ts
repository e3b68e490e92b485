/** The product with its config handed in by a binding, so that one built Worker serves every test. */
import { createFarebox } from "../../src/app.ts";

export { Account } from "../../src/ledger/account.ts";

let farebox: ReturnType<typeof createFarebox> | undefined;

export default {
  async fetch(request: Request, env: Record<string, unknown>, ctx: ExecutionContext): Promise<Response> {
    farebox ??= createFarebox(JSON.parse(String(env["TEST_CONFIG"])));
    return farebox.fetch(request, env, ctx);
  },
};
