/**
 * JSON with one reading: valid UTF-8, no byte order mark, no member named twice.
 *
 * JSON.parse takes the last of two members of one name, other parsers the first, and between the two a token can
 * say different things to different readers.
 */

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Parses bytes as a JSON object; undefined for anything else, also for an object in which any object repeats a name. */
export function parseStrictObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value) || repeatsName(text)) return undefined;
    return { ...value };
  } catch {
    return undefined;
  }
}

/** Whether any object in a text known to be JSON names a member twice. Escaped spellings of one name are that name. */
function repeatsName(text: string): boolean {
  /** The names seen in each object still open; undefined stands for an array. */
  const open: (Set<string> | undefined)[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token.endsWith(":")) {
      const name: unknown = JSON.parse(token.slice(0, -1));
      const names = open.at(-1);
      if (typeof name !== "string" || !names || names.has(name)) return true;
      names.add(name);
    }
  }
  return false;
}
