/** The titles of the tests in a file, as it writes them: templates of it.each with their %s. */
import { readFileSync } from "node:fs";

/** After `it(`, `describe(` and the like, or after the table of an `it.each(…)(`. */
const TITLE =
  /(?:\b(?:it|test|describe)(?:\.\w+)*\(|\)\()\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`),\s*(?:async|\(|\{|[a-z]\w*\)?)/g;

export function titlesOf(path: string): readonly string[] {
  return titlesIn(readFileSync(path, "utf8"));
}

export function titlesIn(source: string): readonly string[] {
  const code = source.replaceAll(/^\s*\/\/.*$/gm, "");
  return [...code.matchAll(TITLE)].map(([, literal = ""]) => unquote(literal));
}

function unquote(literal: string): string {
  return literal.slice(1, -1).replaceAll(/\\(.)/g, "$1");
}
