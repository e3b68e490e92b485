/**
 * The ledger of version 1 (commit 0181743: RPC version 1, storage version 1): its rules and its client, as released.
 *
 * Generated once and never edited: what today's code meets while a deploy is under way. Made from that commit's sources
 * by esbuild 0.28.2 (--bundle --format=esm --target=es2024 --charset=utf8) from an entry that exports what stands at the end.
 */

// src/ledger/command.ts
var RPC_VERSION = 1;

// src/ledger/client.ts
var ATTEMPTS = 2;
var CAPTURE_ATTEMPTS = 5;
var ATTEMPT_TIMEOUT_MS = 4e3;
var RETRY_DELAY_MS = 100;
function connectLedger(accounts) {
  return {
    async apply(account, command) {
      const answer = await attempt(
        async () => await accounts.getByName(account).apply(RPC_VERSION, command),
        command.op === "capture" ? CAPTURE_ATTEMPTS : ATTEMPTS
      );
      return answer.kind === "answered" ? answer.value : answer;
    },
    async read(account, query) {
      const answer = await attempt(async () => await accounts.getByName(account).read(RPC_VERSION, query), ATTEMPTS);
      return answer.kind === "answered" ? (
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
        { kind: "read", found: answer.value }
      ) : answer;
    }
  };
}
async function attempt(call, attempts) {
  let why = "";
  for (let n = 1; n <= attempts; n++) {
    try {
      const value = await within(ATTEMPT_TIMEOUT_MS, call());
      if (!isFault(value)) return { kind: "answered", value };
      return {
        kind: "unavailable",
        why: value.kind === "fault" ? "the ledger met a bug, see its log" : `the ledger speaks versions ${value.supported.join(", ")}, this gate ${RPC_VERSION}`
      };
    } catch (error) {
      why = String(error);
      if (isOverloaded(error) && attempts === ATTEMPTS) break;
      if (n < attempts) await new Promise((resolve2) => setTimeout(resolve2, RETRY_DELAY_MS * 2 ** (n - 1)));
    }
  }
  return { kind: "unavailable", why };
}
async function within(ms, promise) {
  let timer = null;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${ms} ms`));
    }, ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
function isFault(value) {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return value.kind === "fault" || value.kind === "unsupported_version";
}
function isOverloaded(error) {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}

// src/credits.ts
var ACCOUNT_CREDITS_MAX = 1e15;
function credits(n) {
  if (!Number.isSafeInteger(n) || n < 0 || n > ACCOUNT_CREDITS_MAX)
    throw new RangeError(`not a number of credits: ${n}`);
  return n;
}

// src/ledger/store.ts
function only(rows) {
  const row = rows[0];
  if (row === void 0) throw new Error("a row the ledger relies on is missing");
  return row;
}

// src/ledger/journal.ts
var PUBLISH_LAG_MS = 5e3;
var PUBLISH_INTERVAL_MS = 1e3;
function post(store, now, movement) {
  const { credits: credits2, from, to } = movement;
  const change = (bucket) => (to === bucket ? credits2 : 0) - (from === bucket ? credits2 : 0);
  const prompt = movement.kind === "grant" || movement.kind === "refund" || movement.kind === "reverse";
  const row = only(
    store.exec(
      `UPDATE account SET seq = seq + 1, version = version + 1, granted = granted + ?1, available = available + ?2, held = held + ?3,
       captured = captured + ?4, expired = expired + ?5, reversed = reversed + ?6,
       publish_at = MIN(COALESCE(publish_at, ?7), MAX(?8, published_at + ?9))
     WHERE id = 1 RETURNING *`,
      from === "outside" ? credits2 : 0,
      change("available"),
      change("held"),
      change("captured"),
      change("expired"),
      change("reversed"),
      Number.MAX_SAFE_INTEGER,
      prompt ? now : now + PUBLISH_LAG_MS,
      PUBLISH_INTERVAL_MS
    )
  );
  insertEntry(store, now, row, {
    ...movement,
    amount: change("available") + change("held"),
    held: change("held"),
    writtenOff: 0
  });
  return balanceOf(row);
}
function writeOff(store, now, credits2, about2) {
  const row = only(
    store.exec(
      `UPDATE account SET seq = seq + 1, version = version + 1, written_off = written_off + ?1 WHERE id = 1 RETURNING *`,
      credits2
    )
  );
  insertEntry(store, now, row, { kind: "write_off", amount: 0, held: 0, writtenOff: credits2, ...about2 });
  return balanceOf(row);
}
function touch(store, now) {
  store.exec(
    `UPDATE account SET version = version + 1, publish_at = MIN(COALESCE(publish_at, ?1), MAX(?2, published_at + ?3)) WHERE id = 1`,
    Number.MAX_SAFE_INTEGER,
    now,
    PUBLISH_INTERVAL_MS
  );
}
function insertEntry(store, now, row, entry) {
  store.exec(
    `INSERT INTO entries (seq, at, kind, amount, held, written_off, ref, request_id, route, balance_available, balance_held)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
    row.seq,
    now,
    entry.kind,
    entry.amount,
    entry.held,
    entry.writtenOff,
    entry.ref,
    entry.requestId ?? null,
    entry.route ?? null,
    row.available,
    row.held
  );
}
function accountRow(store) {
  return only(store.exec(`SELECT * FROM account WHERE id = 1`));
}
function balanceOf(row) {
  return { available: row.available, held: row.held };
}
function activePlan(row, now) {
  return row.plan_until !== null && row.plan_until <= now ? null : row.plan;
}

// src/ledger/grants.ts
function grant(store, command, now) {
  const known = store.exec(`SELECT * FROM grants WHERE id = ?1`, command.id)[0];
  if (known) {
    const same = known.credits === command.credits && known.kind === command.kind && known.priority === command.priority && known.expires_at === command.expiresAt && known.routes === formatRoutes(command.routes);
    return same ? { kind: "granted", replayed: true, balance: balanceOf(accountRow(store)) } : { kind: "conflict" };
  }
  if (isPast(command, now)) return { kind: "already_expired" };
  if (!hasRoom(store, command.credits)) return { kind: "limit_exceeded" };
  insertGrant(store, command, now);
  const balance = post(store, now, {
    kind: "grant",
    credits: command.credits,
    from: "outside",
    to: "available",
    ref: command.id
  });
  return { kind: "granted", replayed: false, balance };
}
function isPast(command, now) {
  return command.expiresAt !== null && command.expiresAt <= now;
}
function hasRoom(store, credits2) {
  return accountRow(store).granted + credits2 <= ACCOUNT_CREDITS_MAX;
}
function insertGrant(store, added, now) {
  store.exec(
    `INSERT INTO grants (id, kind, credits, remaining, live, priority, expires_at, routes, created_at) VALUES (?1, ?2, ?3, ?3, 1, ?4, ?5, ?6, ?7)`,
    added.id,
    added.kind,
    added.credits,
    added.priority,
    added.expiresAt,
    formatRoutes(added.routes),
    now
  );
}
function reverse(store, command, now) {
  const known = store.exec(`SELECT * FROM grants WHERE id = ?1`, command.id)[0];
  if (!known) return { kind: "grant_not_found" };
  if (known.reversed !== null) {
    return {
      kind: "reversed",
      replayed: true,
      credits: known.reversed,
      spent: known.credits - known.reversed,
      balance: balanceOf(accountRow(store))
    };
  }
  const taken = known.remaining;
  store.exec(`UPDATE grants SET remaining = 0, live = 0, reversed = ?2 WHERE seq = ?1`, known.seq, taken);
  const balance = post(store, now, {
    kind: "reverse",
    credits: taken,
    from: "available",
    to: "reversed",
    ref: command.id
  });
  return { kind: "reversed", replayed: false, credits: taken, spent: known.credits - taken, balance };
}
function burnOrder(store) {
  return store.exec(
    `SELECT * FROM grants WHERE live = 1 ORDER BY priority, expires_at IS NULL, expires_at, kind <> 'promotional', seq`
  );
}
function usableCredits(store, route) {
  return burnOrder(store).reduce((sum, row) => sum + (paysFor(row, route) ? row.remaining : 0), 0);
}
function usableParts(store, parts, route) {
  const pays = /* @__PURE__ */ new Map();
  let sum = 0;
  for (const [grantSeq, credits2] of parts) {
    const known = pays.get(grantSeq) ?? paysFor(grantRow(store, grantSeq), route);
    pays.set(grantSeq, known);
    if (known) sum += credits2;
  }
  return sum;
}
function hasRestrictedGrants(store) {
  return store.exec(`SELECT 1 AS yes FROM grants WHERE routes IS NOT NULL LIMIT 1`).length > 0;
}
function grantRow(store, grantSeq) {
  return only(store.exec(`SELECT * FROM grants WHERE seq = ?1`, grantSeq));
}
function paysFor(row, route) {
  return row.routes === null || parseRoutes(row.routes).includes(route);
}
function draw(store, route, credits2) {
  const parts = [];
  let missing = credits2;
  for (const row of burnOrder(store)) {
    if (missing === 0) break;
    if (!paysFor(row, route)) continue;
    const taken = Math.min(missing, row.remaining);
    setRemaining(store, row, row.remaining - taken);
    parts.push([row.seq, taken]);
    missing -= taken;
  }
  return parts;
}
function putBack(store, parts, now) {
  for (const [grantSeq, credits2] of parts.toReversed()) {
    const row = grantRow(store, grantSeq);
    if (row.reversed !== null) {
      store.exec(`UPDATE grants SET reversed = reversed + ?2 WHERE seq = ?1`, grantSeq, credits2);
      post(store, now, { kind: "reverse", credits: credits2, from: "available", to: "reversed", ref: row.id });
    } else if (row.expires_at !== null && row.expires_at <= now) {
      post(store, now, { kind: "expire", credits: credits2, from: "available", to: "expired", ref: row.id });
    } else {
      setRemaining(store, row, row.remaining + credits2);
    }
  }
}
function setRemaining(store, row, remaining) {
  if (remaining > 0 === row.remaining > 0)
    store.exec(`UPDATE grants SET remaining = ?2 WHERE seq = ?1`, row.seq, remaining);
  else
    store.exec(`UPDATE grants SET remaining = ?2, live = ?3 WHERE seq = ?1`, row.seq, remaining, remaining > 0 ? 1 : 0);
}
function expireGrants(store, now) {
  for (const row of store.exec(
    `SELECT * FROM grants WHERE live = 1 AND expires_at <= ?1 ORDER BY expires_at, seq`,
    now
  )) {
    setRemaining(store, row, 0);
    post(store, now, { kind: "expire", credits: row.remaining, from: "available", to: "expired", ref: row.id });
  }
}
function termsOf(store, grantSeq, now) {
  const row = grantRow(store, grantSeq);
  return {
    priority: row.priority,
    expiresAt: row.expires_at !== null && row.expires_at > now ? row.expires_at : null,
    routes: row.routes === null ? null : parseRoutes(row.routes)
  };
}
function liveGrants(store) {
  return burnOrder(store).map((row) => ({
    id: row.id,
    kind: row.kind,
    credits: row.credits,
    remaining: row.remaining,
    priority: row.priority,
    expiresAt: row.expires_at,
    routes: row.routes === null ? null : parseRoutes(row.routes),
    createdAt: row.created_at
  }));
}
function nextGrantExpiry(store) {
  return store.exec(`SELECT MIN(expires_at) AS at FROM grants WHERE live = 1`)[0]?.at ?? null;
}
function formatRoutes(routes) {
  return routes === null ? null : JSON.stringify(routes.toSorted());
}
function parseRoutes(text) {
  return JSON.parse(text);
}

// src/ledger/tokens.ts
function isRevoked(store, token) {
  const since = accountRow(store).tokens_revoked_at;
  if (since !== null && token.issuedAt <= since) return true;
  return token.jti !== null && isListed(store, token.jti);
}
function revoke(store, command, now) {
  store.exec(
    `INSERT INTO revoked_tokens (jti, until) VALUES (?1, ?2) ON CONFLICT (jti) DO UPDATE SET until = MAX(until, ?2)`,
    command.jti,
    command.until
  );
  touch(store, now);
  return { kind: "changed" };
}
function revokeAll(store, command, now) {
  store.exec(
    `UPDATE account SET tokens_revoked_at = MAX(COALESCE(tokens_revoked_at, 0), ?1) WHERE id = 1`,
    command.issuedAt
  );
  touch(store, now);
  return { kind: "changed" };
}
function forgetRevocations(store, now) {
  store.exec(`DELETE FROM revoked_tokens WHERE until < ?1`, now);
}
function isListed(store, jti) {
  return store.exec(`SELECT 1 AS yes FROM revoked_tokens WHERE jti = ?1`, jti).length > 0;
}

// src/ledger/parts.ts
function splitParts(parts, credits2) {
  const first = [];
  const rest = [];
  let left = credits2;
  for (const [grantSeq, n] of parts) {
    const taken = Math.min(left, n);
    left -= taken;
    if (taken > 0) first.push([grantSeq, taken]);
    if (n > taken) rest.push([grantSeq, n - taken]);
  }
  return { first, rest };
}
function withoutParts(parts, gone) {
  const due = /* @__PURE__ */ new Map();
  for (const [grantSeq, credits2] of gone) due.set(grantSeq, (due.get(grantSeq) ?? 0) + credits2);
  const left = [];
  for (const [grantSeq, credits2] of parts.toReversed()) {
    const taken = Math.min(credits2, due.get(grantSeq) ?? 0);
    due.set(grantSeq, (due.get(grantSeq) ?? 0) - taken);
    if (credits2 > taken) left.unshift([grantSeq, credits2 - taken]);
  }
  return left;
}
function sumParts(parts) {
  return parts.reduce((sum, [, credits2]) => sum + credits2, 0);
}
function parseParts(text) {
  return JSON.parse(text);
}
function formatParts(parts) {
  return JSON.stringify(parts);
}

// src/ledger/holds.ts
var OPEN_HOLDS_MAX = 1e4;
function hold(store, command, now) {
  const known = findHold(store, command.id);
  if (known) {
    const same = known.credits === command.credits && known.route === command.route && known.ttl_seconds === command.ttlSeconds;
    return same ? { kind: "held", replayed: true, state: known.state, balance: balanceOf(accountRow(store)) } : { kind: "conflict" };
  }
  const account = accountRow(store);
  if (account.status === "suspended") return { kind: "account_suspended" };
  if (isRevoked(store, command.token)) return { kind: "token_revoked" };
  const plan = activePlan(account, now);
  if (plan !== null && command.includedBy.includes(plan)) return { kind: "included", balance: balanceOf(account) };
  if (!hasRoomForHold(store)) return { kind: "limit_exceeded" };
  if (account.available < command.credits || usableCredits(store, command.route) < command.credits)
    return insufficient(store, command);
  const parts = draw(store, command.route, command.credits);
  store.exec(
    `INSERT INTO holds (id, credits, state, route, ttl_seconds, parts, created_at, expires_at) VALUES (?1, ?2, 'held', ?3, ?4, ?5, ?6, ?7)`,
    command.id,
    command.credits,
    command.route,
    command.ttlSeconds,
    formatParts(parts),
    now,
    now + command.ttlSeconds * 1e3
  );
  const balance = post(store, now, {
    kind: "hold",
    credits: command.credits,
    from: "available",
    to: "held",
    ...about(command)
  });
  return { kind: "held", replayed: false, state: "held", balance };
}
function insufficient(store, command) {
  const balance = balanceOf(accountRow(store));
  const held = hasRestrictedGrants(store) ? usableParts(store, openParts(store), command.route) : balance.held;
  return {
    kind: "insufficient_balance",
    required: command.credits,
    usable: { available: usableCredits(store, command.route), held },
    releaseAt: nextHoldExpiry(store),
    balance
  };
}
function openParts(store) {
  const open2 = store.exec(`SELECT * FROM holds WHERE state = 'held'`);
  return open2.flatMap((row) => splitParts(parseParts(row.parts), row.captured).rest);
}
function capture(store, command, now) {
  const row = findHold(store, command.id);
  if (!row) return { kind: "hold_not_found" };
  if (command.credits > row.credits) return { kind: "exceeds_hold", held: row.credits };
  if (row.state === "voided") return { kind: "hold_resolved", as: "voided" };
  if (row.state === "captured" && command.credits > row.captured) return { kind: "hold_resolved", as: "captured" };
  const charged = row.state === "expired" ? captureLate(store, row, command, now) : captureHeld(store, row, command, now);
  return { kind: "captured", balance: balanceOf(accountRow(store)), ...charged };
}
function captureHeld(store, row, command, now) {
  const reported = Math.max(row.captured, command.credits);
  const added = reported - row.captured;
  const ends = command.final && row.state === "held";
  if (added > 0) {
    post(store, now, { kind: "capture", credits: added, from: "held", to: "captured", ...about(row) });
    store.exec(`UPDATE holds SET captured = ?2 WHERE id = ?1`, row.id, reported);
  }
  if (ends) resolve(store, { ...row, captured: reported }, "captured", now, added > 0);
  return { replayed: !ends && added === 0, credits: reported, writtenOff: 0 };
}
function captureLate(store, row, command, now) {
  const added = Math.max(0, command.credits - row.captured - row.written_off);
  if (added === 0) return { replayed: true, credits: row.captured, writtenOff: row.written_off };
  const parts = draw(store, row.route, added);
  const found = sumParts(parts);
  if (found > 0)
    post(store, now, { kind: "capture", credits: found, from: "available", to: "captured", ...about(row) });
  if (found < added) writeOff(store, now, added - found, about(row));
  store.exec(
    `UPDATE holds SET captured = captured + ?2, written_off = written_off + ?3, parts = ?4, resolved_at = ?5 WHERE id = ?1`,
    row.id,
    found,
    added - found,
    formatParts([...parseParts(row.parts), ...parts]),
    now
  );
  return { replayed: false, credits: row.captured + found, writtenOff: row.written_off + added - found };
}
function voidHold(store, command, now) {
  const row = findHold(store, command.id);
  if (!row) return { kind: "hold_not_found" };
  if (row.state === "voided") return { kind: "voided", replayed: true, balance: balanceOf(accountRow(store)) };
  if (row.state !== "held") return { kind: "hold_resolved", as: row.state };
  resolve(store, row, "voided", now);
  return { kind: "voided", replayed: false, balance: balanceOf(accountRow(store)) };
}
function expireHolds(store, now) {
  const due = store.exec(
    `SELECT * FROM holds WHERE state = 'held' AND expires_at <= ?1 ORDER BY expires_at, id`,
    now
  );
  for (const row of due) resolve(store, row, "expired", now);
}
function resolve(store, row, state, now, told = false) {
  const { first: charged, rest } = splitParts(parseParts(row.parts), row.captured);
  const released = row.credits - row.captured;
  store.exec(
    `UPDATE holds SET state = ?2, captured = ?3, parts = ?4, resolved_at = ?5 WHERE id = ?1`,
    row.id,
    state,
    row.captured,
    formatParts(charged),
    now
  );
  const kind = state === "expired" ? "expire" : "void";
  if (released > 0 || !told)
    post(store, now, { kind, credits: released, from: "held", to: "available", ...about(row) });
  putBack(store, rest, now);
}
function nextHoldExpiry(store) {
  return store.exec(`SELECT MIN(expires_at) AS at FROM holds WHERE state = 'held'`)[0]?.at ?? null;
}
function hasRoomForHold(store) {
  const last = `SELECT 1 AS yes FROM holds WHERE state = 'held' LIMIT 1 OFFSET ?1`;
  return store.exec(last, OPEN_HOLDS_MAX - 1).length === 0;
}
function findHold(store, id) {
  return store.exec(`SELECT * FROM holds WHERE id = ?1`, id)[0];
}
function about(of) {
  return { ref: of.id, requestId: of.id, route: of.route };
}

// src/ledger/read.ts
function readAccount(store, now) {
  const row = accountRow(store);
  const plan = activePlan(row, now);
  return {
    status: row.status,
    plan,
    planUntil: plan === null ? null : row.plan_until,
    ...balanceOf(row),
    granted: row.granted,
    captured: row.captured,
    expired: row.expired,
    reversed: row.reversed,
    writtenOff: row.written_off,
    version: row.version,
    tokensRevokedAt: row.tokens_revoked_at,
    asOf: now,
    grants: liveGrants(store)
  };
}
function readAccess(store, token, now) {
  const row = accountRow(store);
  return { suspended: row.status === "suspended", revoked: isRevoked(store, token), plan: activePlan(row, now) };
}
function readEntries(store, after, limit) {
  const rows = store.exec(`SELECT * FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2`, after, limit + 1);
  const entries = rows.slice(0, limit).map((row) => ({
    seq: row.seq,
    at: row.at,
    kind: row.kind,
    amount: row.amount,
    held: row.held,
    writtenOff: row.written_off,
    ref: row.ref,
    requestId: row.request_id,
    route: row.route,
    balance: { available: row.balance_available, held: row.balance_held }
  }));
  return { entries, next: rows.length > limit ? entries.at(-1)?.seq ?? null : null };
}

// src/ledger/refunds.ts
function refund(store, command, now) {
  const known = store.exec(`SELECT * FROM refunds WHERE id = ?1`, command.id)[0];
  if (known) {
    if (known.hold_id !== command.holdId || known.requested !== command.credits) return { kind: "conflict" };
    return { kind: "refunded", replayed: true, credits: known.credits, balance: balanceOf(accountRow(store)) };
  }
  const hold2 = findHold(store, command.holdId);
  if (!hold2) return { kind: "hold_not_found" };
  if (hold2.captured === 0) return { kind: "nothing_charged" };
  const refundable = hold2.captured - hold2.refunded;
  const wanted = command.credits ?? refundable;
  if (wanted === 0 || wanted > refundable) return { kind: "exceeds_charge", refundable };
  if (!hasRoom(store, wanted)) return { kind: "limit_exceeded" };
  store.exec(
    `INSERT INTO refunds (id, hold_id, requested, credits, at) VALUES (?1, ?2, ?3, ?4, ?5)`,
    command.id,
    hold2.id,
    command.credits,
    wanted,
    now
  );
  giveBack(store, command.id, hold2, wanted, now);
  const balance = post(store, now, {
    kind: "refund",
    credits: wanted,
    from: "outside",
    to: "available",
    ...about(hold2),
    ref: command.id
  });
  return { kind: "refunded", replayed: false, credits: wanted, balance };
}
function giveBack(store, refundId, hold2, wanted, now) {
  const given = parseParts(hold2.refunded_parts);
  const charged = splitParts(parseParts(hold2.parts), hold2.captured).first;
  const left = withoutParts(charged, given);
  const returned = splitParts(left, sumParts(left) - wanted).rest;
  store.exec(
    `UPDATE holds SET refunded = refunded + ?2, refunded_parts = ?3 WHERE id = ?1`,
    hold2.id,
    wanted,
    formatParts([...given, ...returned])
  );
  for (const [index, [grantSeq, amount]] of returned.entries()) {
    const id = `refund/${refundId}/${index}`;
    insertGrant(store, { id, kind: "refund", credits: credits(amount), ...termsOf(store, grantSeq, now) }, now);
  }
}

// src/ledger/schema.ts
var MIGRATIONS = [
  [
    `CREATE TABLE account (
       id INTEGER PRIMARY KEY CHECK (id = 1),
       seq INTEGER NOT NULL DEFAULT 0,
       version INTEGER NOT NULL DEFAULT 0,
       granted INTEGER NOT NULL DEFAULT 0 CHECK (granted BETWEEN 0 AND 1000000000000000),
       available INTEGER NOT NULL DEFAULT 0 CHECK (available >= 0),
       held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
       captured INTEGER NOT NULL DEFAULT 0 CHECK (captured >= 0),
       expired INTEGER NOT NULL DEFAULT 0 CHECK (expired >= 0),
       reversed INTEGER NOT NULL DEFAULT 0 CHECK (reversed >= 0),
       written_off INTEGER NOT NULL DEFAULT 0 CHECK (written_off >= 0),
       status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
       plan TEXT,
       plan_until INTEGER,
       tokens_revoked_at INTEGER,
       publish_at INTEGER,
       published_at INTEGER NOT NULL DEFAULT 0,
       purged_seq INTEGER NOT NULL DEFAULT 0,
       CHECK (granted = available + held + captured + expired + reversed)
     ) STRICT`,
    `CREATE TABLE grants (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       kind TEXT NOT NULL CHECK (kind IN ('bought', 'promotional', 'refund')),
       credits INTEGER NOT NULL CHECK (credits > 0),
       remaining INTEGER NOT NULL CHECK (remaining BETWEEN 0 AND credits),
       live INTEGER NOT NULL CHECK (live IN (0, 1)),
       priority INTEGER NOT NULL,
       expires_at INTEGER,
       routes TEXT,
       created_at INTEGER NOT NULL,
       reversed INTEGER
     ) STRICT`,
    // On a flag that changes only when a grant runs dry or revives, so that an ordinary charge writes no index row.
    `CREATE INDEX live_grants ON grants (expires_at) WHERE live = 1`,
    `CREATE INDEX restricted_grants ON grants (seq) WHERE routes IS NOT NULL`,
    `CREATE TABLE holds (
       id TEXT PRIMARY KEY,
       credits INTEGER NOT NULL CHECK (credits > 0),
       captured INTEGER NOT NULL DEFAULT 0 CHECK (captured >= 0),
       written_off INTEGER NOT NULL DEFAULT 0 CHECK (written_off >= 0),
       refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND captured),
       state TEXT NOT NULL CHECK (state IN ('held', 'captured', 'voided', 'expired')),
       route TEXT NOT NULL,
       ttl_seconds INTEGER NOT NULL,
       parts TEXT NOT NULL,
       refunded_parts TEXT NOT NULL DEFAULT '[]',
       created_at INTEGER NOT NULL,
       expires_at INTEGER NOT NULL,
       resolved_at INTEGER,
       CHECK (captured + written_off <= credits)
     ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX open_holds ON holds (expires_at) WHERE state = 'held'`,
    `CREATE TABLE refunds (
       id TEXT PRIMARY KEY,
       hold_id TEXT NOT NULL,
       requested INTEGER,
       credits INTEGER NOT NULL CHECK (credits > 0),
       at INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE revoked_tokens (jti TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE TABLE entries (
       seq INTEGER PRIMARY KEY,
       at INTEGER NOT NULL,
       kind TEXT NOT NULL CHECK (kind IN ('grant', 'hold', 'capture', 'void', 'expire', 'refund', 'reverse', 'write_off')),
       amount INTEGER NOT NULL,
       held INTEGER NOT NULL,
       written_off INTEGER NOT NULL DEFAULT 0,
       ref TEXT NOT NULL,
       request_id TEXT,
       route TEXT,
       balance_available INTEGER NOT NULL,
       balance_held INTEGER NOT NULL
     ) STRICT`,
    `INSERT INTO account (id) VALUES (1)`
  ]
];
function accountExists(store) {
  return store.exec(`SELECT 1 AS yes FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'`).length > 0;
}
function migrate(store) {
  store.exec(
    `CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL) STRICT`
  );
  const version = store.exec(`SELECT version FROM schema_version`)[0]?.version ?? 0;
  if (version > MIGRATIONS.length)
    throw new Error(
      `the account's tables are of version ${version}, this code knows ${MIGRATIONS.length}: deploy the newer code again`
    );
  if (version === MIGRATIONS.length) return;
  for (const statement of MIGRATIONS.slice(version).flat()) store.exec(statement);
  store.exec(
    `INSERT INTO schema_version (id, version) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET version = ?1`,
    MIGRATIONS.length
  );
}

// src/ledger/ledger.ts
var HOLD_RETENTION_DAYS = 30;
var PURGE_BATCH = 500;
function open(store) {
  if (accountExists(store)) store.transaction(() => migrate(store));
}
function apply(store, command, now) {
  return store.transaction(() => {
    if (!accountExists(store)) {
      const refusal = refuseNobody(command, now);
      if (refusal) return refusal;
      migrate(store);
    }
    expire(store, now);
    return run(store, command, now);
  });
}
function refuseNobody(command, now) {
  switch (command.op) {
    case "hold": {
      const none = { available: 0, held: 0 };
      return { kind: "insufficient_balance", required: command.credits, usable: none, releaseAt: null, balance: none };
    }
    case "reverse":
      return { kind: "grant_not_found" };
    case "capture":
    case "void":
    case "refund":
      return { kind: "hold_not_found" };
    case "grant":
      return isPast(command, now) ? { kind: "already_expired" } : void 0;
    case "status":
    case "plan":
    case "revoke":
    case "revoke_all":
      return void 0;
  }
}
function run(store, command, now) {
  switch (command.op) {
    case "grant":
      return grant(store, command, now);
    case "hold":
      return hold(store, command, now);
    case "capture":
      return capture(store, command, now);
    case "void":
      return voidHold(store, command, now);
    case "refund":
      return refund(store, command, now);
    case "reverse":
      return reverse(store, command, now);
    case "status":
      store.exec(`UPDATE account SET status = ?1 WHERE id = 1`, command.status);
      touch(store, now);
      return { kind: "changed" };
    case "plan":
      store.exec(`UPDATE account SET plan = ?1, plan_until = ?2 WHERE id = 1`, command.plan, command.until);
      touch(store, now);
      return { kind: "changed" };
    case "revoke":
      return revoke(store, command, now);
    case "revoke_all":
      return revokeAll(store, command, now);
  }
}
function read(store, query, now) {
  if (!accountExists(store)) return null;
  return store.transaction(() => {
    expire(store, now);
    switch (query.read) {
      case "account":
        return readAccount(store, now);
      case "access":
        return readAccess(store, query.token, now);
      case "entries":
        return readEntries(store, query.after, query.limit);
    }
  });
}
function wake(store, now) {
  if (!accountExists(store)) return;
  store.transaction(() => {
    expire(store, now);
    purge(store, now);
  });
}
function nextWake(store) {
  if (!accountExists(store)) return null;
  const candidates = [nextHoldExpiry(store), nextGrantExpiry(store), accountRow(store).publish_at, nextPurge(store)];
  const times = candidates.filter((at) => at !== null);
  return times.length > 0 ? Math.min(...times) : null;
}
function duePublication(store, now) {
  if (!accountExists(store)) return void 0;
  const { publish_at, version } = accountRow(store);
  return publish_at !== null && publish_at <= now ? { version } : void 0;
}
function published(store, version, now) {
  store.exec(
    `UPDATE account SET published_at = ?2, publish_at = CASE WHEN version > ?1 THEN ?2 + ?3 END WHERE id = 1`,
    version,
    now,
    PUBLISH_INTERVAL_MS
  );
}
function postponePublication(store, at) {
  store.exec(`UPDATE account SET publish_at = ?1 WHERE id = 1`, at);
}
function expire(store, now) {
  expireHolds(store, now);
  expireGrants(store, now);
}
var RETENTION_MS = HOLD_RETENTION_DAYS * 864e5;
function nextPurge(store) {
  const { purged_seq } = accountRow(store);
  const oldest = store.exec(
    `SELECT at FROM entries WHERE seq > ?1 ORDER BY seq LIMIT 1`,
    purged_seq
  )[0];
  return oldest ? oldest.at + RETENTION_MS + 1 : null;
}
function purge(store, now) {
  const ended = store.exec(
    `SELECT seq, ref FROM (SELECT seq, ref, at FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?3) WHERE at < ?2 ORDER BY seq`,
    accountRow(store).purged_seq,
    now - RETENTION_MS,
    PURGE_BATCH
  );
  for (const { ref } of ended)
    store.exec(`DELETE FROM holds WHERE id = ?1 AND state <> 'held' AND resolved_at < ?2`, ref, now - RETENTION_MS);
  const last = ended.at(-1);
  if (last) store.exec(`UPDATE account SET purged_seq = ?1 WHERE id = 1`, last.seq);
  forgetRevocations(store, now);
}

// src/ledger/standing.ts
var STANDING = "standing:";
async function writeStanding(kv, account, view) {
  const standing = {
    status: view.status,
    plan: view.plan,
    planUntil: view.planUntil,
    tokensRevokedAt: view.tokensRevokedAt,
    available: view.available,
    held: view.held,
    version: view.version,
    asOf: view.asOf
  };
  await kv.put(STANDING + account, JSON.stringify(standing), { metadata: standing });
}
export {
  apply,
  connectLedger,
  duePublication,
  nextWake,
  open,
  postponePublication,
  published,
  read,
  wake,
  writeStanding
};
