/** The Worker: the gate for farebox.config.ts, and the class its accounts are made of. */
import config from "../farebox.config.ts";
import { createFarebox } from "./app.ts";

export { Account } from "./ledger/account.ts";
export default createFarebox(config);
