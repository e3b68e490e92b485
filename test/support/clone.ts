/** A fresh clone of the project beside this one, and a person's shell to run its commands in. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** What git has, as it is in the working tree, with the demo's origin on a port of its own. */
export function makeClone(originPort: number): string {
  const folder = mkdtempSync(join(tmpdir(), "farebox-start-"));
  const { stdout } = spawnSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" });
  for (const file of stdout.split("\0"))
    if (file !== "" && !file.startsWith("test/") && existsSync(join(root, file)))
      cpSync(join(root, file), join(folder, file), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const path = join(folder, "farebox.config.ts");
  const config = readFileSync(path, "utf8");
  if (!config.includes("127.0.0.1:8788")) throw new Error("the demo's origin is not where this test looks for it");
  writeFileSync(path, config.replace("127.0.0.1:8788", `127.0.0.1:${originPort}`));
  return folder;
}

/** The environment of a person's shell: nothing of the test's own run in it. */
export function shell(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = /^npm_|^VITEST|^NODE_|^(FORCE_)?COLOR|_proxy$|^(TEST|DEV|PROD|MODE|PORT)$/i;
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name))), ...more };
}

export type Ended = { readonly code: number; readonly said: string };

/** Runs npm in a clone, to its end. */
export async function npm(cwd: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile("npm", args, { cwd, env: shell(env), timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, said: stdout + stderr });
    });
  });
}

/** Runs a line as if pasted; what it printed. Throws if it fails. */
export async function bash(line: string, onText?: (text: string) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-c", line], { env: shell(), timeout: 30_000 });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      onText?.(chunk.toString());
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(text);
      else reject(new Error(`${line.slice(0, 60)}… ended with ${code}`));
    });
  });
}

/** Sends a signal to a process and all it started. */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

export async function isFree(candidate: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => {
      resolve(false);
    });
    server.listen(candidate, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
