/** `npm run security-table`: writes docs/security.md from the list of attacks in test/attacks/cases.ts. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GROUPS, type Group } from "../test/attacks/cases.ts";
import type { Case } from "../test/attacks/case.ts";

export const SECURITY_PAGE = join(import.meta.dirname, "../docs/security.md");

const INTRODUCTION = `# Attacks, and what proves that they fail

This page is made by \`npm run security-table\` from \`test/attacks/cases.ts\`; a test fails if the two differ, or if a test
named here does not exist under that title.

## Who attacks

| Who | What they want |
|---|---|
| an anonymous caller | the origin's work for nothing; the gate's time |
| a paying buyer | more than was paid for; somebody else's balance, or a look at it |
| whoever finds a token | to spend it |
| whoever edits config or prices, in error or in bad faith | the gate turned on a host it should not reach; prices that are none |
| whoever reaches the origin's own address | the way around the gate |
| whoever reaches the operator's API | credits from nothing |
| a shared cache, in good faith | one buyer's answer for all |
| the weather | crashes, slow or broken neighbours, wrong clocks, two versions at once |

What they must not get: origin work without a charge, a charge without origin work, another account's credits or the sight
of them, the signing key or a secret, one buyer's service stopped by another.

## What proves what

| Means | Shows |
|---|---|
| the tests below, \`npm test\` | that each attack of the list fails, at the built Worker on the real runtime wherever it can be seen from outside |
| requests at random, in \`npm test\` | that thousands put together from what has ever confused a server are refused, or served once at their price, and leak nothing |
| races, in \`npm test\` | that calls at the same moment never spend more than there is, nor less than was served |
| \`npm run simulate\` | that random histories of commands, lost and repeated messages, crashes and alarms keep the ledger's laws |
| \`npm run mutants\` | that those checks would notice: ledgers with one mistake put in on purpose are found out |
| \`npm run crash\` | that a gate killed again and again in the middle of calls loses, doubles and strands no credit |

Every case is judged by four columns, seen from outside: **status**, **origin hits** (a recording origin counts them),
**entries** (the kinds of the journal's new entries), **delta** (the change of the account's available credits).

- *Refused 402* and the like: that status, no hit, no entry, no change, and \`no-store\` for every kind of cache.
- *Paid*: the origin's answer, one hit, one hold and one capture, the price and no more.

Cases of the ledger alone are judged by outcome, entries and balance.
`;

export function makeSecurityPage(groups: readonly Group[] = GROUPS): string {
  const all = groups.flatMap(({ cases }) => cases);
  const { length: none } = all.filter(({ notApplicable }) => notApplicable !== undefined);
  const counts = `${all.length} cases: ${all.length - none} covered, ${none} that do not apply yet.\n`;
  return [INTRODUCTION, counts, ...groups.map(describeGroup)].join("\n");
}

function describeGroup({ title, cases }: Group): string {
  const head = "| Case | Attack | What Farebox does | Proven by |\n|---|---|---|---|";
  return `## ${title}\n\n${head}\n${cases.map(describeCase).join("\n")}\n`;
}

function describeCase(of: Case): string {
  return `| ${[of.id, of.attack, of.expected, proofOf(of)].map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
}

function proofOf({ tests = [], notApplicable, note }: Case): string {
  if (notApplicable !== undefined) return `*Does not apply:* ${notApplicable}`;
  const named = tests.map(({ file, name, row }) => {
    const of = row === undefined ? "" : ` (${escape(row)})`;
    return `\`${file.replace(/^test\//, "")}\` › ${escape(name)}${of}`;
  });
  const parts = [...named, ...(note === undefined ? [] : [`*${note}*`])];
  return parts.join("<br>");
}

/** A test's title is text, not Markdown. */
function escape(text: string): string {
  return text.replaceAll(/[*_<>`]/g, "\\$&");
}

if (process.argv[1] === import.meta.filename) {
  mkdirSync(dirname(SECURITY_PAGE), { recursive: true });
  writeFileSync(SECURITY_PAGE, makeSecurityPage());
}
