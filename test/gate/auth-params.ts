/** A parser of WWW-Authenticate after RFC 9110 sections 5.6 and 11.6.1, written for the tests and strict: it throws. */

export type Challenge = { readonly scheme: string; readonly params: ReadonlyMap<string, string> };

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const BLANKS = /[ \t]*/y;
const PARAM_START = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?=["!#$%&'*+\-.^_`|~0-9A-Za-z])/y;
/** qdtext or quoted-pair; obs-text is allowed by the grammar, but nothing of ours should need it. */
const QUOTED = /"((?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t \x21-\x7e])*)"/y;

export function parseChallenges(field: string): Challenge[] {
  const challenges: { scheme: string; params: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(field) ?? undefined;
    at += found?.[0].length ?? 0;
    return found;
  };
  for (let first = true; at < field.length; first = false) {
    take(BLANKS);
    if (!first) {
      if (field[at] !== ",") throw new Error(`expected a comma at ${at} of ${field}`);
      at += 1;
      take(BLANKS);
    }
    const name = take(PARAM_START)?.[1];
    if (name === undefined) {
      const scheme = take(TOKEN)?.[0];
      if (scheme === undefined) throw new Error(`expected a scheme at ${at} of ${field}`);
      challenges.push({ scheme, params: new Map() });
      if (at === field.length || field[at] === ",") continue;
      if (field[at] !== " ") throw new Error(`expected a blank at ${at} of ${field}`);
      take(BLANKS);
      readParam(take(PARAM_START)?.[1]);
    } else readParam(name);
  }
  return challenges;

  function readParam(name: string | undefined): void {
    const params = challenges.at(-1)?.params;
    if (name === undefined || !params) throw new Error(`expected a parameter at ${at} of ${field}`);
    const value = field[at] === '"' ? take(QUOTED)?.[1]?.replaceAll(/\\(.)/g, "$1") : take(TOKEN)?.[0];
    if (value === undefined) throw new Error(`expected a value at ${at} of ${field}`);
    if (params.has(name.toLowerCase())) throw new Error(`${name} twice in ${field}`);
    params.set(name.toLowerCase(), value);
  }
}
