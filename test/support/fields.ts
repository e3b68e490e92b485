/** Readers of header fields, written from the RFCs and from nothing of the product's. Each throws on a mistake. */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;
const QUOTED = /^"((?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t \x21-\x7e])*)"/;

export type Challenge = { readonly scheme: string; readonly params: Readonly<Record<string, string>> };

/** WWW-Authenticate (RFC 9110 section 11.6.1), without token68; a parameter may come once. */
export function readChallenges(field: string): Challenge[] {
  const challenges: { scheme: string; params: Record<string, string> }[] = [];
  let rest = field;
  const left = (): string => rest;
  const take = (pattern: RegExp): RegExpExecArray => {
    const found = pattern.exec(rest);
    if (!found) throw new Error(`WWW-Authenticate: unexpected ${JSON.stringify(rest)} in ${JSON.stringify(field)}`);
    rest = rest.slice(found[0].length);
    return found;
  };
  while (left() !== "") {
    const name = take(TOKEN)[0];
    if (/^[ \t]*=/.test(rest)) {
      take(/^[ \t]*=[ \t]*/);
      const value = rest.startsWith('"') ? (take(QUOTED)[1] ?? "").replaceAll(/\\(.)/g, "$1") : take(TOKEN)[0];
      const { params } = challenges.at(-1) ?? { params: undefined };
      if (!params || name.toLowerCase() in params) throw new Error(`WWW-Authenticate: stray ${name} in ${field}`);
      params[name.toLowerCase()] = value;
    } else {
      challenges.push({ scheme: name, params: {} });
      if (rest === "" || rest.startsWith(",")) take(/^(?:[ \t]*,[ \t]*)?/);
      else take(/^ +/);
      continue;
    }
    if (rest !== "") take(/^[ \t]*,[ \t]*/);
  }
  return challenges;
}

export type Link = { readonly target: string; readonly rel: string };

/** Link (RFC 8288 section 3), for links with a quoted rel and nothing else. */
export function readLinks(field: string): Link[] {
  return field.split(/,[ \t]*(?=<)/).map((link) => {
    const found = /^<([^<>"\\^`{|}\s]*)>; rel="([a-z]+)"$/.exec(link);
    if (!found) throw new Error(`Link: cannot read ${JSON.stringify(link)}`);
    return { target: String(found[1]), rel: String(found[2]) };
  });
}

/** A list of names, as Access-Control-Expose-Headers and its like are. */
export function readNames(field: string | undefined): string[] {
  return (field ?? "").split(",").map((name) => name.trim().toLowerCase());
}
