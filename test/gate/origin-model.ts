/** How loosely a server may read a path, for judging prices: each habit apart, and what a shop's server would then serve. */

/** Habits of servers and of the frameworks and proxies in front of them, in the order they act. */
const HABITS = {
  decode: (path: string) => decodeOnce(path),
  lookAlikes: (path: string) => path.normalize("NFKC"),
  foldCase: (path: string) => path.toUpperCase().toLowerCase(),
  matrix: (path: string) => path.replaceAll(/;[^/]*/g, ""),
  trimBlanks: (path: string) => path.replaceAll(/(?<=\/)[\s\0]+|[\s\0]+(?=\/|$)/g, ""),
  trimDots: (path: string) => path.replaceAll(/(?<=[^/.])\.+(?=\/|$)/g, ""),
  slashes: (path: string) => path.replaceAll("\\", "/").replaceAll(/\/{2,}/g, "/"),
  dots: (path: string) => removeDotSegments(path),
  trailing: (path: string) => path.replace(/(.)\/$/, "$1"),
} as const;
type Habit = keyof typeof HABITS;

/** Some of the habits and not the others. */
export type Reader = readonly Habit[];

/** Every such server. */
export const READERS: readonly Reader[] = (Object.keys(HABITS) as Habit[]).reduce<Habit[][]>(
  (readers, habit) => [...readers, ...readers.map((reader) => [...reader, habit])],
  [[]],
);

/** The path a server with these habits looks up. */
export function lookedUp(path: string, reader: Reader): string {
  return reader.reduce((read, habit) => HABITS[habit](read), path);
}

function decodeOnce(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function removeDotSegments(path: string): string {
  const kept: string[] = [];
  for (const segment of path.slice(1).split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}
